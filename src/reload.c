#include "reload.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/log.h"
#include "settings.h"

struct reload {
	struct setup *setup;
	struct val settings; /* as they were read when the accounts in them were taken last */
	const char *file, *kubeconfig;
	bool with_kubeconfig;
	struct val seen; /* what the files looked like when they were read */
	struct val before; /* … at the last look: a file that is still being written changes again */
	struct cancel *cancel;
	pthread_t thread;
};

/* What tells that a file is another, or has another content; VAL_NULL when it is not there. */
static struct val look_at(const char *path)
{
	struct stat info;
	if (stat(path, &info) < 0)
		return VAL_NULL;
	return val_format("%llu.%llu.%lld.%lld.%ld", (unsigned long long)info.st_dev,
		(unsigned long long)info.st_ino, (long long)info.st_size,
		(long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

static struct val look_at_all(const struct reload *reload)
{
	_cleanup_(val_free) struct val files = kubernetes_files(reload->setup->kubernetes);
	const char *settings = settings_file(reload->file);
	struct val looks = val_map();
	val_set(&looks, settings, look_at(settings));
	for (size_t i = 0; i < val_count(files); i++) {
		struct val path = val_at(files, i);
		val_set(&looks, val_text(&path), look_at(val_text(&path)));
	}
	return looks;
}

/* Sections that have changed and are not read anew. */
static void tell_of_others(const struct reload *reload, struct val settings)
{
	_cleanup_(val_free) struct val sections = val_ref(reload->settings);
	val_merge(&sections, settings);
	for (size_t i = 0; i < val_count(sections); i++) {
		struct str key = val_key_at(sections, i);
		bool removed = !val_has_str(settings, key);
		if (str_is(key, "kubernetes") ||
			val_equal(val_get_str(reload->settings, key), val_get_str(settings, key)))
			continue;
		log_warn(removed ? "settings: this section is gone; that counts after a restart" :
				   "settings: this section has changed; it counts after a restart",
			"section", key.bytes);
	}
}

static void read_again(struct reload *reload)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val settings = VAL_NULL;
	if (settings_load_again(reload->file, &settings, &err) < 0 ||
		setup_reload_accounts(reload->setup, settings, reload->with_kubeconfig,
			reload->kubeconfig, &err) < 0) {
		log_error("the settings have changed and cannot be used; the accounts stay as they were",
			"error", err_text(&err));
		return;
	}
	tell_of_others(reload, settings);
	val_replace(&reload->settings, take(&settings));
}

/* A file is read once it has stayed the same for one round. */
static void look(struct reload *reload)
{
	_cleanup_(val_free) struct val now = look_at_all(reload);
	bool settled = val_equal(now, reload->before);
	val_replace(&reload->before, val_ref(now));
	if (!settled || val_equal(now, reload->seen))
		return;
	read_again(reload);
	/* Others may be looked at by now. */
	val_replace(&reload->seen, val_ref(now));
	val_replace(&reload->before, look_at_all(reload));
	if (val_count(reload->before) != val_count(now))
		val_replace(&reload->seen, val_ref(reload->before));
}

static void *reload_main(void *data)
{
	struct reload *reload = data;
	struct clock *clock = reload->setup->world.clock;
	for (;;) {
		_cleanup_err_ struct err err = ERR_INIT;
		if (cancel_sleep(
			    reload->cancel, clock, clock_now_ms(clock) + LIMIT_RELOAD_MS, &err) < 0)
			return NULL;
		look(reload);
	}
}

static void reload_free(struct reload *reload)
{
	val_free(&reload->settings);
	val_free(&reload->seen);
	val_free(&reload->before);
	cancel_unref(reload->cancel);
	free(reload);
}

struct reload *reload_start(struct setup *setup, struct val settings, const char *file,
	bool with_kubeconfig, const char *kubeconfig, struct err *err)
{
	struct reload *reload = xnew(struct reload);
	reload->setup = setup;
	reload->settings = val_ref(settings);
	reload->file = file;
	reload->with_kubeconfig = with_kubeconfig;
	reload->kubeconfig = kubeconfig;
	reload->cancel = cancel_new();
	reload->seen = look_at_all(reload);
	reload->before = val_ref(reload->seen);
	int result = pthread_create(&reload->thread, NULL, reload_main, reload);
	if (result == 0)
		return reload;
	reload_free(reload);
	err_set(err, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(result));
	return NULL;
}

void reload_stop(struct reload *reload)
{
	if (!reload)
		return;
	cancel_set(reload->cancel);
	pthread_join(reload->thread, NULL);
	reload_free(reload);
}
