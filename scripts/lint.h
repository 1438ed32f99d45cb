/*
 * Told to clang-tidy ahead of each file (scripts/lint): it looks at one file at a time, so it cannot see that these
 * functions never return 0, and would take `return err_set(…)` for a success that leaves its results unset.
 */
#include "base/err.h"

#define err_set(...) ((err_set)(__VA_ARGS__), -1)
#define err_wrap(...) ((err_wrap)(__VA_ARGS__), -1)

#ifdef LINT_EXPR /* the files of src/expr but for the one that defines it */
#include "expr/eval.h"

#define fail(...) ((fail)(__VA_ARGS__), -1)
#endif
