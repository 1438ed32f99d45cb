#include <pthread.h>

#include "base/alloc.h"
#include "base/map.h"
#include "model/execution.h"

/* The one table of the process: what is in it lives for ever, so there is nothing to own or free. */
static pthread_mutex_t intern_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map interned;

const char *intern(const char *text)
{
	char *copy;

	if (!text)
		return NULL;
	pthread_mutex_lock(&intern_lock);
	copy = map_get(&interned, str_of(text));
	if (!copy) {
		copy = xstrdup(text);
		map_put(&interned, str_of(text), copy);
	}
	pthread_mutex_unlock(&intern_lock);
	return copy;
}
