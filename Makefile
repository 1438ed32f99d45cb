# A thin front of meson and scripts/. "make run" is the place to start.
#
#   make build     the release binary: build/gennaker, optimised at link time
#   make run       build, serve on http://127.0.0.1:8084 and run examples/hello.json there
#   make test      every test, with sanitizers; ends with "N passed, N failed"
#   make check     only the checks of the tree: layers, headers, format, banned functions
#   make tsan      the C tests under ThreadSanitizer
#   make fuzz      each fuzz target for FUZZ_SECONDS
#   make spring    the expression cases on Spring's own evaluator (a JDK, Maven)
#   make lint      clang-tidy over src
#   make format    clang-format over src and tests
#   make clean     removes all build folders
#
# MESON_FLAGS is given to meson when a build folder is set up. Packages are installed when missing.
MESON_FLAGS ?=
FUZZ_SECONDS ?= 10

.PHONY: build run test check tsan fuzz spring lint format clean

build:
	@scripts/setup
	@test -f build/build.ninja || meson setup build -Db_lto=true $(MESON_FLAGS)
	ninja -C build gennaker

run: build
	@scripts/run

test:
	@scripts/setup test
	@scripts/test

check:
	@scripts/setup test
	@scripts/check-layers && scripts/check-headers && scripts/check-banned && scripts/check-format

tsan:
	@scripts/setup test
	@scripts/test --tsan

fuzz:
	@scripts/setup dev
	@scripts/fuzz $(FUZZ_SECONDS)

spring:
	@tests/spec/spring/run

lint:
	@scripts/setup dev
	@scripts/lint

format:
	@scripts/setup test
	@scripts/check-format --fix

clean:
	rm -rf build build-*
