#include "children.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/status.h"

static void child_free(struct child *child)
{
	if (child->feed)
		feed_free(child->feed);
	free(child->parent_id);
	free(child->stage_id);
	free(child->id);
	free(child->name);
}

void children_free(struct children *children)
{
	for (size_t i = 0; i < children->items.count; i++)
		child_free(&children->items.items[i]);
	vec_free(&children->items);
}

static size_t find(const struct children *children, const char *stage_id)
{
	size_t i = 0;
	while (i < children->items.count && strcmp(children->items.items[i].stage_id, stage_id) != 0)
		i++;
	return i;
}

static struct child *add(struct children *children, struct val data)
{
	struct child fresh = {
		.parent_id = xstrdup(val_get_text(data, "run", "")),
		.stage_id = xstrdup(val_get_text(data, "stage", "")),
	};
	vec_push(&children->items, fresh);
	return &children->items.items[children->items.count - 1];
}

/* With the child goes whom it waits for. */
static void drop(struct children *children, size_t index, void (*ended)(void *data, const char *id),
	void *data)
{
	struct child child = children->items.items[index];
	children->items.items[index] = children->items.items[--children->items.count];
	if (child.id)
		ended(data, child.id);
	for (size_t i = 0; child.id && i < children->items.count;) {
		if (strcmp(children->items.items[i].parent_id, child.id) != 0) {
			i++;
			continue;
		}
		drop(children, i, ended, data);
		i = 0;
	}
	child_free(&child);
}

void children_event(struct children *children, struct val event,
	void (*ended)(void *data, const char *id), void *data)
{
	struct val stage = val_get(event, "data"), context = val_get(stage, "context");
	if (strcmp(val_get_text(event, "event", ""), "stage") != 0 ||
		strcmp(val_get_text(stage, "type", ""), "pipeline") != 0)
		return;
	struct val text = val_get(stage, "status");
	enum status status = STATUS_NOT_STARTED;
	status_parse(val_as_str(&text), &status);
	size_t index = find(children, val_get_text(stage, "stage", ""));
	bool known = index < children->items.count;
	if (status != STATUS_RUNNING) {
		if (known)
			drop(children, index, ended, data);
		return;
	}
	struct child *child = known ? &children->items.items[index] : add(children, stage);
	const char *id = val_get_text(context, "executionId", "");
	if (!*id || child->id)
		return;
	child->id = xstrdup(id);
	child->name = xstrdup(val_get_text(context, "executionName", id));
}

static size_t count_read(const struct children *children)
{
	size_t count = 0;
	for (size_t i = 0; i < children->items.count; i++)
		count += children->items.items[i].feed != NULL;
	return count;
}

static void open_feeds(struct children *children)
{
	size_t room = LIMIT_FOLLOWED_CHILDREN - count_read(children);
	for (size_t i = 0; i < children->items.count && room > 0; i++) {
		struct child *child = &children->items.items[i];
		if (!child->id || child->feed || child->lost)
			continue;
		child->feed = children->client ? feed_remote(children->client, child->id) :
						 feed_local(NULL, children->store, child->id);
		room--;
	}
}

void children_read(
	struct children *children, void (*take_event)(void *data, struct val event), void *data)
{
	/* Events may add children at the end; none goes before its parent's events are taken, which is elsewhere or earlier here. */
	open_feeds(children);
	for (size_t i = 0; i < children->items.count; i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct feed *feed = children->items.items[i].feed;
		if (feed && feed_read(feed, 0, take_event, data, &err) < 0 &&
			i < children->items.count && children->items.items[i].feed == feed) {
			feed_free(feed);
			children->items.items[i].feed = NULL;
			children->items.items[i].lost = true;
		}
	}
}

const char *children_name(const struct children *children, const char *id)
{
	for (size_t i = 0; i < children->items.count; i++)
		if (children->items.items[i].id && strcmp(children->items.items[i].id, id) == 0)
			return children->items.items[i].name;
	return NULL;
}
