/*
 * What a scope takes, it gives back.
 *
 *	_cleanup_free_ char *name = xstrdup("a");
 *	_cleanup_(val_free) struct val map = val_map();
 *	return take(&map);             // hands it to the caller, leaves VAL_NULL behind
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <string.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

static inline void free_pointer(void *where)
{
	free(*(void **)where);
}
#define _cleanup_free_ _cleanup_(free_pointer)

/* Returns the value at WHERE and leaves zero bytes there, so that its cleanup does nothing. */
#define take(where)                                   \
	({                                            \
		__typeof__(where) _where = (where);   \
		__typeof__(*_where) _taken = *_where; \
		memset(_where, 0, sizeof(*_where));   \
		_taken;                               \
	})

/*
 * Makes NAME usable as `_cleanup_(NAME##_cleanup)` for pointers whose NAME_free takes the pointer:
 *
 *	DEFINE_CLEANUP(struct engine *, engine_free)
 *	_cleanup_(engine_free_cleanup) struct engine *engine = NULL;
 */
#define DEFINE_CLEANUP(type, function)                     \
	static inline void function##_cleanup(type *where) \
	{                                                  \
		if (*where)                                \
			function(*where);                  \
	}

#endif
