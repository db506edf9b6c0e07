/* Streams as people use them: publish and subscribe, requests on top of a stream, many consumers of one stream. */
/* ctest: timeout=120 */
#include "one_child.h"

#include <signal.h>

/* ---- ADV-01: the publisher's process ---- */

enum { TOPICS = 2 };
static const char *const topic_names[TOPICS] = { "even", "odd" };

/* Who wants what, of all subscribers of this process. */
typedef struct subscription {
    struct subscription *next;
    tractor_ctx *ctx;
    tractor_stream *stream;
    bool wants[TOPICS];
} subscription;
static subscription *subscriptions;

static int topic_named(const char *name) {
    for (int i = 0; i < TOPICS; i++)
        if (strcmp(name, topic_names[i]) == 0)
            return i;
    return -1;
}

static void on_topic(const tractor_error *err, const tractor_value *value, void *user) {
    subscription *s = user;
    const char *name;
    if (err)
        return; /* it left, and its nursery is cancelled */
    assert_int_equal(tractor_unpack(value, "s", &name), TRACTOR_OK);
    for (int i = 0; i < TOPICS; i++)
        s->wants[i] = i == topic_named(name);
    tractor_stream_receive(s->stream, NULL, on_topic, s);
}
static void on_unsubscribed(const tractor_error *err, void *user) {
    (void)err;
    for (subscription **at = &subscriptions; *at; at = &(*at)->next)
        if (*at == user) {
            *at = (*at)->next;
            return;
        }
}
static void subscribe(tractor_ctx *ctx, const tractor_value *args, void *user) {
    subscription *s = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *s);
    (void)args, (void)user;
    s->ctx = ctx;
    s->next = subscriptions;
    subscriptions = s;
    tractor_nursery_on_end(tractor_ctx_nursery(ctx), on_unsubscribed, s);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &s->stream);
    tractor_stream_receive(s->stream, NULL, on_topic, s);
}

/* One number a millisecond, to whoever wants it now. */
static void publish_next(const tractor_error *err, void *user) {
    static int n;
    tractor_nursery *in = user;
    if (err)
        return;
    for (subscription *s = subscriptions; s; s = s->next)
        if (s->wants[n % 2])
            tractor_stream_sendf(s->stream, "i", n); /* who is slow misses some */
    n++;
    tractor_nursery_sleep(in, TRACTOR_MS, publish_next, in);
}
static void publish(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    publish_next(NULL, tractor_ctx_nursery(ctx));
}

/* ---- ADV-01: a consumer's process ---- */

typedef struct listener {
    tractor_ctx *ctx;
    char *progress; /* a file that is made when enough has come */
    int topic, received, switches;
    bool switching;
    int unwanted; /* of the topic before: they were under way when it changed */
    tractor_stream *stream;
} listener;

static void on_published(const tractor_error *err, const tractor_value *value, void *user) {
    listener *l = user;
    if (err)
        return;
    int n = int_of(value);
    if (n % 2 != l->topic) {
        if (!l->switching || ++l->unwanted > 1000)
            tractor_ctx_raisef(l->ctx, "ValueError", "%d is not %s", n, topic_names[l->topic]);
    } else if (++l->received % 6 == 0) {
        if (l->switching) {
            l->topic = 1 - l->topic;
            l->unwanted = 0;
            l->switches++;
            tractor_stream_sendf(l->stream, "s", topic_names[l->topic]);
        }
        if (l->received == 60)
            touch(l->progress);
    }
    tractor_stream_receive(l->stream, NULL, on_published, l);
}
static void on_subscribed(tractor_ctx *ctx, const tractor_value *first, void *user) {
    listener *l = user;
    (void)first;
    tractor_ctx_open_stream(ctx, NULL, &l->stream);
    tractor_stream_sendf(l->stream, "s", topic_names[l->topic]);
    tractor_stream_receive(l->stream, NULL, on_published, l);
}
static void on_publisher(const tractor_error *err, tractor_portal *publisher, void *user) {
    listener *l = user;
    if (err)
        tractor_ctx_raise(l->ctx, err);
    else
        tractor_portal_open_context(publisher, NULL, "t", "subscribe", TRACTOR_ARGS("{}"), NULL, on_subscribed, NULL,
                                    l);
}
static void consume(tractor_ctx *ctx, const tractor_value *args, void *user) {
    listener *l = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *l);
    const char *topic, *progress;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s, s:s}", "topic", &topic, "progress", &progress) != TRACTOR_OK)
        return;
    l->ctx = ctx;
    l->switching = strcmp(topic, "switching") == 0;
    l->topic = l->switching ? 0 : topic_named(topic);
    l->progress = tractor_nursery_alloc(tractor_ctx_nursery(ctx), strlen(progress) + 1);
    strcpy(l->progress, progress);
    tractor_wait_for_actor(tractor_ctx_nursery(ctx), "publish", NULL, on_publisher, l);
}

/* ---- ADV-01: the root ---- */

enum { CONSUMERS = 4 };
typedef struct pubsub {
    bool interrupt; /* else a deadline passes */
    tractor_nursery *tree;
    const char *progress[CONSUMERS];
} pubsub;

static void on_three_seconds(const tractor_error *err, void *user) {
    (void)user;
    if (!err)
        raise(SIGINT);
}
static void pubsub_body(tractor_nursery *root, void *user) {
    pubsub *p = user;
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .name = "tree",
                                        .timeout_ns = p->interrupt ? 0 : 3 * TRACTOR_SECOND };
    p->tree = tractor_nursery_open(root, &options, NULL, NULL);
    if (p->interrupt)
        tractor_nursery_sleep(p->tree, 3 * TRACTOR_SECOND, on_three_seconds, p);
    tractor_nursery_run_in_actor(p->tree, "t", "publish", TRACTOR_ARGS("{}"), NULL, NULL, NULL);
    static const char *const topics[CONSUMERS] = { "even", "odd", "even", "switching" };
    for (int i = 0; i < CONSUMERS; i++) {
        p->progress[i] = kit_path(kit_text("consumer_%d", i));
        tractor_nursery_run_in_actor(p->tree, "t", "consume",
                                     TRACTOR_ARGS("{s:s, s:s}", "topic", topics[i], "progress", p->progress[i]), NULL,
                                     NULL, NULL);
    }
    tractor_nursery_close(p->tree);
}

static void ADV_01_dynamic_pub_sub(void **state) {
    pubsub p = { .interrupt = *state != NULL };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SIGNALS }, pubsub_body, &p);
    kit_assert_code(run.err, p.interrupt ? TRACTOR_EINTERRUPTED : TRACTOR_ETIMEDOUT);
    for (int i = 0; i < CONSUMERS; i++)
        assert_non_null(kit_read_file(p.progress[i]));
    kit_assert_within_ms(run.ns, 20000);
    assert_true(run.ns >= 3 * TRACTOR_SECOND);
}

/* ---- ADV-02: requests on top of a stream that floods ---- */

typedef struct service {
    tractor_stream *stream;
    tractor_nursery *nursery;
} service;

static void flood(const tractor_error *err, void *user) {
    service *s = user;
    if (err)
        return;
    tractor_stream_send_wait(s->stream, NULL, tractor_pack("s", "yo"), NULL, NULL);
    tractor_nursery_sleep(s->nursery, 10 * TRACTOR_MS, flood, s);
}
static void on_ping(const tractor_error *err, const tractor_value *value, void *user) {
    service *s = user;
    const char *text;
    if (err)
        return;
    assert_int_equal(tractor_unpack(value, "s", &text), TRACTOR_OK);
    if (strcmp(text, "ping") == 0)
        tractor_stream_send_wait(s->stream, NULL, tractor_pack("s", "pong"), NULL, NULL);
    tractor_stream_receive(s->stream, NULL, on_ping, s);
}
static void flood_and_serve(tractor_ctx *ctx, const tractor_value *args, void *user) {
    service *s = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *s);
    (void)args, (void)user;
    s->nursery = tractor_ctx_nursery(ctx);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &s->stream);
    flood(NULL, s);
    tractor_stream_receive(s->stream, NULL, on_ping, s);
}

typedef struct requests {
    tractor_portal *portal;
    tractor_stream *stream;
    int pongs, yos;
    int64_t began, first_pong;
    kit_outcome result;
} requests;

static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    requests *r = user;
    const char *text;
    if (err) {
        kit_assert_code(err, TRACTOR_ECANCELED);
        return;
    }
    assert_int_equal(tractor_unpack(value, "s", &text), TRACTOR_OK);
    if (strcmp(text, "pong") == 0) {
        if (r->pongs++ == 0)
            r->first_pong = tractor_now();
        tractor_stream_sendf(r->stream, "s", "ping");
    } else {
        assert_string_equal(text, "yo");
        r->yos++;
    }
    if (r->yos == 20 && r->pongs > 0)
        tractor_ctx_cancel(tractor_stream_ctx(r->stream), NULL, NULL, NULL, NULL);
    tractor_stream_receive(r->stream, NULL, on_answer, r);
}
static void on_requests_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    requests *r = user;
    (void)first;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &r->stream), TRACTOR_OK);
    r->began = tractor_now();
    tractor_stream_sendf(r->stream, "s", "ping");
    tractor_stream_receive(r->stream, NULL, on_answer, r);
}
static void on_requests_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((requests *)user)->result);
}
static void on_server(const tractor_error *err, tractor_portal *portal, void *user) {
    requests *r = user;
    kit_assert_code(err, TRACTOR_OK);
    r->portal = portal;
    tractor_portal_open_context(portal, NULL, "t", "flood_and_serve", TRACTOR_ARGS("{}"), NULL, on_requests_started,
                                on_requests_result, r);
}
static void requests_body(tractor_nursery *root, void *user) { start_child(root, "dual_tasks", on_server, user); }

static void ADV_02_requests_on_top_of_streaming(void **state) {
    (void)state;
    requests r = { 0 };
    kit_run run = kit_run_root(NULL, requests_body, &r);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_true(r.pongs >= 1);
    kit_assert_within_ms(r.first_pong - r.began, 2000);
    assert_int_equal(r.result.calls, 1);
    kit_assert_code(r.result.err, TRACTOR_OK);
    assert_null(r.result.value);
}

/* ---- ADV-04: 22 consumers of one stream ---- */

/* Sends back what it gets, until "done". */
static void on_echo(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_stream *stream = user;
    const char *text;
    if (err)
        return;
    tractor_stream_send_value(stream, NULL, value, NULL, NULL);
    assert_int_equal(tractor_unpack(value, "s", &text), TRACTOR_OK);
    if (strcmp(text, "done") == 0)
        tractor_ctx_return(tractor_stream_ctx(stream), NULL);
    else
        tractor_stream_receive(stream, NULL, on_echo, stream);
}
static void echo_until_done(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_receive(stream, NULL, on_echo, stream);
}

enum { FANS = 22 };
typedef struct fan {
    struct fanout *of;
    tractor_stream *stream;
    int count;
    bool done, ended;
} fan;
typedef struct fanout {
    tractor_ctx *ctx;
    tractor_stream *stream;
    fan fans[FANS];
    int running;
    bool told_done;
    int64_t began, all_done;
    int last_send;
    kit_outcome result;
} fanout;

static void on_fan_value(const tractor_error *err, const tractor_value *value, void *user) {
    fan *f = user;
    fanout *o = f->of;
    const char *text;
    if (err) {
        kit_assert_code(err, TRACTOR_EEOF);
        f->ended = true;
        if (--o->running == 0) {
            o->all_done = tractor_now();
            tractor_stream_close(o->stream);
        }
        return;
    }
    assert_int_equal(tractor_unpack(value, "s", &text), TRACTOR_OK);
    if (strcmp(text, "done") == 0)
        f->done = true;
    else
        f->count++;
    if (f == &o->fans[FANS - 1] && f->count == 200 && !o->told_done) {
        o->told_done = true;
        tractor_stream_send_wait(o->stream, NULL, tractor_pack("s", "done"), NULL, NULL);
    }
    tractor_stream_receive(f->stream, NULL, on_fan_value, f);
}
/* Goes on sending until it is told that this can't be done any more. */
static void send_on(const tractor_error *err, void *user) {
    fanout *o = user;
    kit_assert_code(err, TRACTOR_OK);
    o->last_send = tractor_stream_sendf(o->stream, "s", "yo");
    if (o->last_send != TRACTOR_ECLOSED)
        tractor_nursery_sleep(tractor_ctx_nursery(o->ctx), TRACTOR_MS, send_on, o);
}
static void on_fanout_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    fanout *o = user;
    (void)first;
    o->ctx = ctx;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &o->stream), TRACTOR_OK);
    for (int i = 0; i < FANS; i++) {
        fan *f = &o->fans[i];
        f->of = o;
        assert_int_equal(tractor_stream_subscribe(o->stream, 0, &f->stream), TRACTOR_OK);
        tractor_stream_receive(f->stream, NULL, on_fan_value, f);
    }
    o->running = FANS;
    o->began = tractor_now();
    send_on(NULL, o);
}
static void on_fanout_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((fanout *)user)->result);
}
static void on_fanout_child(const tractor_error *err, tractor_portal *portal, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    tractor_portal_open_context(portal, NULL, "t", "echo_until_done", TRACTOR_ARGS("{}"), NULL, on_fanout_started,
                                on_fanout_result, user);
}
static void fanout_body(tractor_nursery *root, void *user) { start_child(root, "echoer", on_fanout_child, user); }

static void ADV_04_local_task_fanout_from_stream(void **state) {
    (void)state;
    fanout o = { .last_send = TRACTOR_OK };
    kit_run run = kit_run_root(NULL, fanout_body, &o);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(o.result.err, TRACTOR_OK);
    assert_non_null(o.result.value);
    for (int i = 0; i < FANS; i++) {
        assert_true(o.fans[i].done && o.fans[i].ended);
        assert_true(o.fans[i].count >= 200);
        assert_int_equal(o.fans[i].count, o.fans[0].count);
    }
    assert_int_equal(o.last_send, TRACTOR_ECLOSED);
    kit_assert_within_ms(o.all_done - o.began, 3000);
    kit_assert_within_ms(run.ns, 6000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("subscribe", subscribe),
                                               TRACTOR_FUNC("publish", publish),
                                               TRACTOR_FUNC("consume", consume),
                                               TRACTOR_CTX("flood_and_serve", flood_and_serve),
                                               TRACTOR_CTX("echo_until_done", echo_until_done),
                                               TRACTOR_ENDPOINTS_END };
    tractor_register("t", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_WITH(ADV_01_dynamic_pub_sub, "SIGINT", ""),
        KIT_TEST_WITH(ADV_01_dynamic_pub_sub, "deadline", NULL),
        KIT_TEST(ADV_02_requests_on_top_of_streaming),
        KIT_TEST(ADV_04_local_task_fanout_from_stream),
    };
    return kit_run_tests(tests);
}
