/*
 * A small Kubernetes API server for scenarios: it keeps objects, so that a run that is killed anywhere and goes on can be
 * asked what it left behind. Discovery, get, list, server-side apply, other patches, create, replace, delete with preconditions; no watch,
 * so that waiting looks every 5 s. Rollouts are complete at once. In the scenario's document:
 *
 *	cluster:
 *	  objects: [ {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}} ]    # there from the start
 *	  status: { /apis/apps/v1/namespaces/shop/deployments/web: [ { at: 0, status: {…} }, { at: 12000, status: {…} } ] }
 *	  reject: { /apis/apps/v1/namespaces/shop/deployments/web: { code: 422, reason: Invalid, message: bad } }    # writes
 *	  gone: { /api/v1/namespaces/shop/configmaps/a: 12000 }    # deleted objects stay until then (milliseconds)
 *	  definitions: 3000                                         # a new kind is served so many milliseconds later
 */
#ifndef LIB_KUBE_SERVER_H
#define LIB_KUBE_SERVER_H

#include "lib/http_script.h"

struct kube_server;

/* DOCUMENT is the scenario's. For struct scenario_setup. */
void *kube_server_new(struct clock *clock, struct val document);
void kube_server_free(void *server);
/* http_script_serve_fn: answers whatever goes to https://cluster.example. */
bool kube_server_serve(
	void *server, const struct http_request *request, struct http_response *response);
/* Path to object, without versions and times; owned. An object that was made twice has another uid. */
struct val kube_server_state(void *server);

#endif
