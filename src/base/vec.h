/*
 * A growing array of any type, owned by its declaration:
 *
 *	VEC(struct stage *) ready = { 0 };
 *	vec_push(&ready, stage);
 *	for (size_t i = 0; i < ready.count; i++) use(ready.items[i]);
 *	vec_free(&ready);
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>

#include "base/alloc.h"

#define VEC(type)                \
	struct {                 \
		type *items;     \
		size_t count;    \
		size_t capacity; \
	}

#define vec_push(vec, item)                                                             \
	do {                                                                            \
		if ((vec)->count == (vec)->capacity) {                                  \
			(vec)->capacity = (vec)->capacity ? (vec)->capacity * 2 : 8;    \
			(vec)->items = xrealloc(                                        \
				(vec)->items, (vec)->capacity * sizeof(*(vec)->items)); \
		}                                                                       \
		(vec)->items[(vec)->count++] = (item);                                  \
	} while (0)

#define vec_free(vec)                               \
	do {                                        \
		free((vec)->items);                 \
		(vec)->items = NULL;                \
		(vec)->count = (vec)->capacity = 0; \
	} while (0)

#endif
