/*
 * Every cap in one place. Each has a test that passes it. Bytes, counts, milliseconds as named.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Text and values */
#define LIMIT_BODY_BYTES (16u << 20) /* a request body, a pipeline file */
#define LIMIT_JSON_DEPTH 200
#define LIMIT_YAML_ALIASES 1000
#define LIMIT_YAML_NODES 1000000     /* after aliases are expanded */
#define LIMIT_YAML_BYTES (64u << 20) /* text after aliases are expanded */
#define LIMIT_LOG_LINE_BYTES 8192
#define LIMIT_ERROR_TEXT_BYTES 4096

/* JSONPath */
#define LIMIT_JSON_PATH_BYTES 1000
#define LIMIT_JSON_PATH_STEPS 100     /* of one path */
#define LIMIT_JSON_PATH_DEPTH 50      /* of filters and parentheses */
#define LIMIT_JSON_PATH_LOOKS 1000000 /* at values, of one reading */
#define LIMIT_JSON_PATH_WALK 500      /* steps into each other: bounds the stack */

/* Expressions */
#define LIMIT_EXPR_BODY_BYTES 10000
#define LIMIT_EXPR_DEPTH 100
#define LIMIT_EXPR_STEPS 1000000
#define LIMIT_EXPR_PASS_STEPS 10000000  /* of all strings of one pass together */
#define LIMIT_EXPR_INLINE_STEPS 20000   /* on the engine thread: about 1 ms */
#define LIMIT_EXPR_BYTES (16u << 20)    /* allocated by one evaluation */
#define LIMIT_SEARCH_ROWS 20000         /* runs that one search looks at */
#define LIMIT_SEARCH_LIST 100           /* elements of a list that is searched for in triggers */
#define LIMIT_SEARCH_ASSIGN_STEPS 10000 /* for its elements, in one list */
#define LIMIT_SEARCH_DEPTH 20
#define LIMIT_PRIOR_RUNS 20 /* looked at for the one that began last (usePriorArtifact) */
#define LIMIT_ARTIFACT_MATCH_STEPS 200000 /* one pattern of a matchArtifact: about 10 ms */
#define LIMIT_EXPR_STRING_BYTES (4u << 20)
#define LIMIT_EXPR_LIST 100000
#define LIMIT_EXPR_ARRAY 262144 /* elements, Spring's own limit for new int[…] */
#define LIMIT_EXPR_CACHE 4096   /* parsed expressions kept */
#define LIMIT_EXPR_LOOKUPS 100  /* pipelines and applications that one pass looks up in the store */
#define LIMIT_EXPR_FETCHES 100  /* URLs of one pass, and … */
#define LIMIT_EXPR_FETCH_PASS_MS 120000 /* … their time together */
#define LIMIT_EXPR_FETCH_MS 30000       /* of one exchange */
#define LIMIT_EXPR_FETCH_RETRY_MS 5000  /* before it is tried once more */

#define LIMIT_PROMPT_HISTORY 1000 /* lines that `eval -i` remembers */

/* Lint */
#define LIMIT_LINT_FINDINGS 1000 /* of one pipeline; then it says that there are more */
#define LIMIT_LINT_PATH_BYTES 4096
#define LIMIT_LINT_COMPARISONS 200000 /* of names, for "did you mean" */

/* Engine */
#define LIMIT_INBOX_MESSAGES 20000 /* from the API; beyond: 503 */
#define LIMIT_INBOX_BYTES (256u << 20)
#define LIMIT_BATCH_BYTES (8u << 20)
#define LIMIT_BATCH_MS 2
#define LIMIT_TURN_MESSAGES 16 /* before the runs have their turn */
#define LIMIT_TURN_STEPS 500   /* of one execution, and … */
#define LIMIT_TURN_US 2000
#define LIMIT_WORKERS 256
#define LIMIT_WORKER_STACK_BYTES (256u << 10)
#define LIMIT_STUCK_REPLY_MS 2000  /* then those who wait for a commit that fails get 503 */
#define LIMIT_WORKER_RETRY_MS 1000 /* after a thread could not be started */
#define LIMIT_WORKER_IDLE_MS 10000
#define LIMIT_WAIT_MS 60000 /* the longest wait for a key without a look */
#define LIMIT_PLANNING_ATTEMPTS 40
#define LIMIT_PLANNING_RETRY_MS 15000
#define LIMIT_CIRCLES 20            /* of stages that wait for each other, told of one pipeline */
#define LIMIT_PIPELINE_DEPTH 20     /* pipelines started by pipelines started by … */
#define LIMIT_PIPELINE_FAMILY 10000 /* runs in one generation of them */
#define LIMIT_WAIT_LIST 50          /* runs of one configuration that wait for others */
#define LIMIT_STAGES 20000          /* of one execution */
#define LIMIT_DRAIN_MS 10000        /* results in flight at SIGTERM */

/* Store */
#define LIMIT_INLINE_VALUE_BYTES (16u << 10) /* larger ones go to the blob table */
#define LIMIT_EVENTS_OF_ROW 64               /* of the journal */
#define LIMIT_CHECKPOINT_PAGES 2000
#define LIMIT_WAL_PAGES 128000 /* where commits wait for the checkpoint */
#define LIMIT_LIST_ROWS 1000
#define LIMIT_PIPELINE_HISTORY 200         /* earlier versions kept of one pipeline */
#define LIMIT_STORED_BYTES (512u << 20)    /* of one document */
#define LIMIT_COPY_SPARE_BYTES (64u << 20) /* what a copy of the database leaves free */
#define LIMIT_RETENTION_BATCH 100          /* old runs looked up at once */
#define LIMIT_DISK_LOOK_MS 5000
#define LIMIT_FREE_MEMORY_BYTES (8u << 20)  /* freed since some was last given back to the system */
#define LIMIT_QUICK_CHECK_BYTES (32u << 20) /* a file up to this size is checked after a crash */

/* HTTP, as client */
#define LIMIT_HTTP_CONNECT_MS 15000
#define LIMIT_HTTP_READ_MS 20000
#define LIMIT_HTTP_RESPONSE_BYTES (32u << 20)
#define LIMIT_HTTP_HEADERS_BYTES (64u << 10)
#define LIMIT_HTTP_REDIRECTS 5
#define LIMIT_HTTP_PER_ORIGIN 16         /* handles, and so tasks at a time */
#define LIMIT_HTTP_STREAMS_PER_ORIGIN 64 /* watches; they do not take the tasks' handles */
#define LIMIT_HTTP_IDLE 64               /* idle handles of all origins together */
#define LIMIT_HTTP_IDLE_MS 90000
#define LIMIT_URL_BYTES 16384
#define LIMIT_URL_MATCH_STEPS 100000 /* of a regular expression of the settings over a host name */

/* The command line */
#define LIMIT_FOLLOWED_CHILDREN 32 /* runs that are read beside the one that is followed */

/* HTTP, as server */
#define LIMIT_SERVER_CONNECTIONS 1000
#define LIMIT_SERVER_IDLE_S 120
#define LIMIT_SERVER_BODIES_BYTES (256u << 20) /* of all requests together */
#define LIMIT_SERVER_MEMORY_BYTES \
	(32u << 10) /* of a connection: request line, headers, what is being sent */
#define LIMIT_SERVER_HEADERS 200
#define LIMIT_SERVER_SEGMENTS 32
#define LIMIT_SERVER_QUERY 64
#define LIMIT_SERVER_HEADERS_MS 10000 /* from the first byte to the last header */
#define LIMIT_SERVER_BODY_MS 30000    /* and a second more for each 64 kB, both ways */
#define LIMIT_SERVER_STREAM_PIECE_BYTES (256u << 10)
#define LIMIT_SERVER_STOP_MS 2000 /* for answers under way, once the engine has stopped */

/* Stages */
#define LIMIT_WEBHOOK_PAST_CODES 1000 /* refusals of a status URL that are remembered */

/* Who asks */
#define LIMIT_USER_BYTES 256
#define LIMIT_CREDENTIAL_BYTES 1024
#define LIMIT_AUTH_FAILURES 10 /* wrong passwords at once, and one more in each … */
#define LIMIT_AUTH_FAILURE_MS 1000
#define LIMIT_AUTH_REMEMBER_MS 300000 /* a right password is not hashed again for so long */
#define LIMIT_AUTH_LOG_MS 10000       /* between lines about wrong ones */

/* Processes */
#define LIMIT_PROCESS_OUTPUT_BYTES (4u << 20)
#define LIMIT_PROCESS_GRACE_MS 2000 /* between SIGTERM and SIGKILL */

/* Kubernetes */
#define LIMIT_KUBERNETES_LIST_PAGE 500
#define LIMIT_KUBERNETES_METADATA_PAGE 2000 /* of a list that holds only metadata */
#define LIMIT_KUBERNETES_RETRIES 5
#define LIMIT_KUBERNETES_MANIFESTS 2000
#define LIMIT_RELOAD_MS 2000            /* between looks at the files of accounts */
#define LIMIT_KUBERNETES_EVENTS_MS 5000 /* how old a list of warnings may be */
#define LIMIT_KUBERNETES_RETIRED 1000   /* accounts that others took the place of */
#define LIMIT_KUBERNETES_AT_ONCE 8      /* objects of one kind that a stage sends at a time … */
#define LIMIT_KUBERNETES_ONE_BY_ONE 7   /* … when there are more of them than this */
#define LIMIT_KUBERNETES_DEFINITION_MS 30000 /* for a new CustomResourceDefinition to be served */
#define LIMIT_KUBERNETES_CONTEXT_BYTES (16u << 20) /* a kubeconfig file */
#define LIMIT_KUBERNETES_PEM_BYTES (1u << 20)      /* a certificate, key or token file */
#define LIMIT_KUBERNETES_EXEC_MS 60000             /* a credential plugin */
#define LIMIT_KUBERNETES_REREAD_MS 60000           /* token and certificate files */
#define LIMIT_KUBERNETES_REQUEST_MS 35000 /* one exchange; admission webhooks may take 30 s */
#define LIMIT_KUBERNETES_CALL_MS 90000    /* with all its repetitions */
#define LIMIT_KUBERNETES_BACKOFF_MS \
	200 /* before the first repetition, then twice as much each time */
#define LIMIT_KUBERNETES_RETRY_AFTER_MS \
	10000                        /* what is waited inside a call; more is left to the engine */
#define LIMIT_KUBERNETES_CONFLICTS 5 /* re-reads after a stale resourceVersion */
#define LIMIT_KUBERNETES_LOG_BYTES (1 << 20) /* of a container, searched for properties */
#define LIMIT_WATCHES 64                     /* at a time; more are polled */
#define LIMIT_WATCH_OBJECTS 20000            /* kept by one watch; beyond, it only wakes */
#define LIMIT_WATCH_SHARED 20000 /* parts of objects that a watch knows, so as to keep them once */
#define LIMIT_WATCH_STREAM_MS \
	60000 /* then it is asked for anew: a dead connection shows within that */
#define LIMIT_WATCH_BACKOFF_MS 30000
#define LIMIT_WATCH_POLL_MS 5000 /* between looks while there is no watch */
#define LIMIT_WATCH_LINE_BYTES (8u << 20)

#endif
