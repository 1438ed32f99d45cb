/*
 * Accounts that are read anew while runs go on. A task has borrowed its account for as long as it runs, and a stage keeps the cluster that
 * it began with; so an account is never freed before the end, but put aside:
 *
 *	same cluster, same row, another credential    the account shows it from now on
 *	same cluster, another row                     the new account takes its place for everybody
 *	another cluster, or no longer there           stages that began before go on with the old one, unless it was broken
 *	broken now, was not before                    the old one stays
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/log.h"
#include "kubernetes/internal.h"

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_pem(const struct kube_pem *a, const struct kube_pem *b)
{
	return same_text(a->text, b->text) && same_text(a->path, b->path);
}

bool kube_target_same_cluster(const struct kube_target *a, const struct kube_target *b)
{
	return same_text(a->server, b->server) && same_text(a->namespace, b->namespace) &&
		same_text(a->server_name, b->server_name) && same_text(a->proxy, b->proxy) &&
		same_text(a->context, b->context) && a->insecure == b->insecure;
}

bool kube_target_same_user(const struct kube_target *a, const struct kube_target *b)
{
	return same_pem(&a->ca, &b->ca) && same_pem(&a->client_cert, &b->client_cert) &&
		same_pem(&a->client_key, &b->client_key) && same_text(a->token, b->token) &&
		same_text(a->token_file, b->token_file) && same_text(a->username, b->username) &&
		same_text(a->password, b->password) && same_text(a->directory, b->directory) &&
		val_equal(a->impersonation, b->impersonation) && val_equal(a->exec, b->exec) &&
		val_equal(a->exec_cluster, b->exec_cluster) && val_equal(a->oidc, b->oidc);
}

void kube_target_take_user(struct kube_target *to, struct kube_target *from)
{
	struct kube_target old = *to;

	to->ca = from->ca;
	to->client_cert = from->client_cert;
	to->client_key = from->client_key;
	to->token = from->token;
	to->token_file = from->token_file;
	to->username = from->username;
	to->password = from->password;
	to->directory = from->directory;
	to->impersonation = from->impersonation;
	to->exec = from->exec;
	to->exec_cluster = from->exec_cluster;
	to->oidc = from->oidc;
	/* What it was goes the way of FROM's other half. */
	from->ca = old.ca;
	from->client_cert = old.client_cert;
	from->client_key = old.client_key;
	from->token = old.token;
	from->token_file = old.token_file;
	from->username = old.username;
	from->password = old.password;
	from->directory = old.directory;
	from->impersonation = old.impersonation;
	from->exec = old.exec;
	from->exec_cluster = old.exec_cluster;
	from->oidc = old.oidc;
}

/* The row but for where the credential comes from. */
static struct val plain_row(const struct kube_account *account)
{
	struct val row = val_ref(account->row);

	val_remove(&row, "kubeconfigFile");
	val_remove(&row, "kubeconfigContents");
	return row;
}

static bool same_row(const struct kube_account *a, const struct kube_account *b)
{
	_cleanup_(val_free) struct val left = plain_row(a), right = plain_row(b);

	return val_equal(left, right);
}

/* What ACCOUNT shows is to be what FROM (owned) shows. */
struct renewal {
	struct kube_account *account, *from;
};

/* What becomes of the accounts; lists of names, for the log. */
struct outcome {
	struct strbuf added, changed, renewed, removed, broken;
	VEC(struct renewal) renewals;
};

static void note(struct strbuf *list, const char *name)
{
	strbuf_printf(list, "%s%s", list->length ? ", " : "", name);
}

/* Locked. OLD leaves its place; UNTIL_MS: stages that began before then still find it, 0 = they do not. None began with a broken one. */
static void retire(struct kubernetes *kubernetes, struct kube_account *old, int64_t until_ms)
{
	old->until_ms = old->problem.kind == ERR_NONE ? until_ms : 0;
	vec_push(&kubernetes->retired, old);
}

/* Locked. Of an account that is new: one that had its name may be gone for long, and its watches go on. */
static unsigned next_generation(const struct kubernetes *kubernetes, const char *name)
{
	unsigned generation = 0;

	for (size_t i = 0; i < kubernetes->retired.count; i++)
		generation += strcmp(kubernetes->retired.items[i]->name, name) == 0;
	return generation;
}

/* Locked. FRESH (taken) becomes an account, or part of the one that has its name; returns which. */
static struct kube_account *settle(struct kubernetes *kubernetes, struct kube_account *fresh,
	int64_t now_ms, struct outcome *outcome)
{
	struct kube_account *old = map_get(&kubernetes->accounts, str_of(fresh->name));
	bool same_cluster = old && kube_target_same_cluster(&old->target, &fresh->target);

	if (old && fresh->problem.kind != ERR_NONE && old->problem.kind == ERR_NONE) {
		strbuf_printf(&outcome->broken, "%s%s: %s", outcome->broken.length ? "; " : "",
			fresh->name, err_text(&fresh->problem));
		kube_account_free(fresh);
		return old;
	}
	if (same_cluster && old->problem.kind == fresh->problem.kind && same_row(old, fresh)) {
		if (kube_target_same_user(&old->target, &fresh->target)) {
			kube_account_free(fresh);
		} else {
			struct renewal renewal = { old, fresh };

			vec_push(&outcome->renewals, renewal);
			note(&outcome->renewed, old->name);
		}
		return old;
	}
	note(old ? &outcome->changed : &outcome->added, fresh->name);
	if (old)
		retire(kubernetes, old, same_cluster ? 0 : now_ms);
	fresh->kubernetes = kubernetes;
	fresh->generation = next_generation(kubernetes, fresh->name);
	map_put(&kubernetes->accounts, str_of(fresh->name), fresh);
	return fresh;
}

/* Locked. Those that are in no file any more. */
static void retire_removed(struct kubernetes *kubernetes, const struct kubernetes *fresh,
	int64_t now_ms, struct outcome *outcome)
{
	for (size_t i = 0; i < kubernetes->order.count; i++) {
		struct kube_account *old = kubernetes->order.items[i];

		if (map_get(&fresh->accounts, str_of(old->name)))
			continue;
		map_remove(&kubernetes->accounts, str_of(old->name));
		retire(kubernetes, old, now_ms);
		note(&outcome->removed, old->name);
	}
}

/* Not locked: it waits for a credential that is being made, by a program of the user's perhaps. */
static void renew_all(struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->renewals.count; i++) {
		struct renewal *renewal = &outcome->renewals.items[i];

		kube_account_renew(renewal->account, &renewal->from->target);
		kube_account_free(renewal->from);
	}
	vec_free(&outcome->renewals);
}

static const char *names(const struct strbuf *list)
{
	return list->length ? list->bytes : "";
}

static void tell(struct outcome *outcome)
{
	if (outcome->added.length || outcome->changed.length || outcome->renewed.length ||
		outcome->removed.length)
		log_info("Kubernetes accounts were read anew", "added", names(&outcome->added),
			"changed", names(&outcome->changed), "renewed", names(&outcome->renewed),
			"removed", names(&outcome->removed));
	if (outcome->broken.length)
		log_error("Kubernetes accounts stay as they were", "error", outcome->broken.bytes);
	strbuf_free(&outcome->added);
	strbuf_free(&outcome->changed);
	strbuf_free(&outcome->renewed);
	strbuf_free(&outcome->removed);
	strbuf_free(&outcome->broken);
}

int kubernetes_adopt(struct kubernetes *kubernetes, struct kubernetes *fresh, struct err *err)
{
	struct clock *clock = kubernetes->world->clock;
	int64_t now_ms = clock_now_ms(clock);
	struct outcome outcome = {
		.added = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES),
		.changed = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES),
		.renewed = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES),
		.removed = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES),
		.broken = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES),
	};

	if (!fresh->order.count && fresh->files_only && kubernetes->order.count)
		return err_set(err, ERR_INVALID, "the kubeconfig has no contexts any more");
	if (kubernetes->retired.count + kubernetes->order.count > LIMIT_KUBERNETES_RETIRED)
		return err_set(err, ERR_TOO_LARGE,
			"accounts have changed too often since the start; restart the server");
	clock_hold(clock);
	pthread_mutex_lock(&kubernetes->accounts_lock);
	retire_removed(kubernetes, fresh, now_ms, &outcome);
	kubernetes->order.count = 0;
	for (size_t i = 0; i < fresh->order.count; i++) {
		struct kube_account *account = settle(
			kubernetes, fresh->order.items[i], now_ms, &outcome);

		vec_push(&kubernetes->order, account);
	}
	val_replace(&kubernetes->files, val_ref(fresh->files));
	pthread_mutex_unlock(&kubernetes->accounts_lock);
	renew_all(&outcome);
	clock_release(clock);
	fresh->order.count = 0; /* they live here now */
	map_free(&fresh->accounts);
	tell(&outcome);
	return 0;
}

struct kube_account *kubernetes_account_since(
	struct kubernetes *kubernetes, const char *name, int64_t began_ms, struct err *err)
{
	struct kube_account *found = NULL;

	pthread_mutex_lock(&kubernetes->accounts_lock);
	for (size_t i = 0; began_ms > 0 && i < kubernetes->retired.count && !found; i++) {
		struct kube_account *old = kubernetes->retired.items[i];

		if (began_ms < old->until_ms && strcmp(old->name, name) == 0)
			found = old;
	}
	pthread_mutex_unlock(&kubernetes->accounts_lock);
	return found ? found : kubernetes_account(kubernetes, name, err);
}

struct val kubernetes_files(struct kubernetes *kubernetes)
{
	struct val files;

	pthread_mutex_lock(&kubernetes->accounts_lock);
	files = val_ref(kubernetes->files);
	pthread_mutex_unlock(&kubernetes->accounts_lock);
	return files;
}
