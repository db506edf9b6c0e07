/* a proxy breaks connections at every byte, in either direction, of the handshake, of a call, of a context with a
 * stream, and of a child's boot. Each time everything completes once, with an error of the connection or none, and nothing
 * hangs or is left. Delays and bytes that come one by one change nothing. */
// ctest: timeout=240
#include "faults/life.h"
#include "kit/fault.h"
#include "kit/proxy.h"

enum { ITEMS = 3 };

/* One byte in so many, others on the two transports, unless TRACTOR_TEST_ALL is set. */
static int stride(int usual) { return getenv("TRACTOR_TEST_ALL") ? 1 : SANITIZED ? 4 * usual : usual; }
static int first(int step) { return strcmp(kit_transport(), "uds") == 0 ? step / 2 : 0; }

static bool of_the_connection(const tractor_error *err) {
    char *text = tractor_error_format(err);
    bool is = strstr(text, "onnection closed") || strstr(text, "connection lost") || strstr(text, "onnection reset") ||
              strstr(text, "writing to") || strstr(text, "lost its connection") || strstr(text, " lost ") ||
              strstr(text, "is gone");
    tractor_free(text);
    return is;
}

/* ---- to and fro between two ends ---- */

/* A root is connected with itself, through the proxy: what either end leaves behind is left here. */
typedef struct talk {
    kit_proxy *proxy;
    tractor_nursery *root;
    tractor_portal *portal;
    tractor_stream *stream;
    kit_outcome connected, call, context, closed;
    int received;
    int64_t begun, longest;

    int number;       /* of the connection */
    enum kit_way way; /* is cut */
    int at, step;
    int64_t sizes[2]; /* of a whole talk; then where the next cut is */
    enum kit_break how;
    int cuts, broken, bad;
    bool once;
} talk;

static void next_talk(talk *t);

static void say_wrong(talk *t, const char *what, const tractor_error *err) {
    char *text = err ? tractor_error_format(err) : NULL;
    fprintf(stderr, "%s after %d bytes %s: %s\n%s", kit_break_name(t->how), t->at,
            t->way == KIT_BACK ? "back" : "there", what, text ? text : "");
    tractor_free(text);
    t->bad++;
}

static void look_at(talk *t, const char *what, const kit_outcome *o) {
    if (o->calls > 1)
        say_wrong(t, kit_text("%s completed %d times", what, o->calls), o->err);
    if (!o->err)
        return;
    if (tractor_error_code(o->err) != TRACTOR_ETRANSPORT || !of_the_connection(o->err))
        say_wrong(t, what, o->err);
}

/* The last word of one talk, and the first of the next. */
static void talk_over(talk *t) {
    bool broken = t->connected.err || t->call.err || t->context.err;
    int64_t ns = tractor_now() - t->begun;
    if (ns > t->longest)
        t->longest = ns;
    look_at(t, "the connecting", &t->connected);
    look_at(t, "the call", &t->call);
    look_at(t, "the context", &t->context);
    if (t->connected.calls != 1 || t->call.calls != !t->connected.err ||
        t->context.calls != (t->call.calls && !t->call.err))
        say_wrong(t, "something is missing", NULL);
    if (!broken && t->received != ITEMS)
        say_wrong(t, kit_text("%d items, and no error", t->received), NULL);
    if (!kit_within_ms(ns, 500))
        say_wrong(t, kit_text("it took %lld ms", (long long)(ns / TRACTOR_MS)), NULL);
    t->broken += broken;
    if (t->portal)
        tractor_portal_close(t->portal);
    t->number++;
    next_talk(t);
}

static void context_over(kit_outcome *o) { talk_over(o->user); }

static void item(const tractor_error *err, const tractor_value *value, void *user) {
    talk *t = user;
    int n = -1;
    if (err)
        return;
    tractor_unpack(value, "i", &n);
    assert_int_equal(n, t->received++);
    tractor_stream_receive(t->stream, NULL, item, t);
}

static void context_started(tractor_ctx *ctx, const tractor_value *value, void *user) {
    talk *t = user;
    (void)value;
    if (tractor_ctx_open_stream(ctx, NULL, &t->stream) != TRACTOR_OK)
        return;
    for (int i = 0; i < ITEMS; i++)
        tractor_stream_sendf(t->stream, "i", i);
    tractor_stream_send_eof(t->stream);
    tractor_stream_receive(t->stream, NULL, item, t);
}

static void context_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((talk *)user)->context);
}

static void call_answered(kit_outcome *o) {
    talk *t = o->user;
    if (o->err) {
        talk_over(t);
        return;
    }
    t->context.then = context_over;
    t->context.user = t;
    assert_true(tractor_portal_open_context(t->portal, t->root, "life", "echo", tractor_pack("{}"), NULL,
                                            context_started, context_result, t) > 0);
}

static void connected(kit_outcome *o) {
    talk *t = o->user;
    t->portal = o->portal;
    if (o->err) {
        talk_over(t);
        return;
    }
    t->call.then = call_answered;
    t->call.user = t;
    assert_true(tractor_portal_run(o->portal, t->root, "kit", "echo", tractor_pack("{s:i}", "n", 7), NULL, kit_on_value,
                                   &t->call) > 0);
}

static void begin_talk(const tractor_error *err, void *user) {
    talk *t = user;
    if (err)
        return;
    t->connected = (kit_outcome){ .then = connected, .user = t };
    t->call = t->context = (kit_outcome)KIT_OUTCOME;
    t->portal = NULL;
    t->received = 0;
    t->begun = tractor_now();
    assert_true(tractor_get_registry(t->root, kit_proxy_address(t->proxy), NULL, kit_on_portal, &t->connected) > 0);
}

static void next_talk(talk *t) {
    if (t->once && t->number > 0) {
        tractor_nursery_cancel(t->root, "that was it");
        return;
    }
    if (t->number == 1) { /* the first one was not broken */
        for (int way = 0; way < 2; way++)
            t->sizes[way] = kit_proxy_count(t->proxy, 0, (enum kit_way)way);
        assert_true(t->sizes[0] > 300 && t->sizes[1] > 300);
        assert_int_equal(t->bad + t->broken, 0);
        t->how = KIT_CLOSE;
        t->way = KIT_THERE;
        t->at = first(t->step) - t->step;
    }
    if (t->number > 0) {
        t->at += t->step;
        if (t->at > t->sizes[t->way]) {
            t->at = first(t->step);
            if (t->way == KIT_BACK)
                t->how = t->how == KIT_CLOSE ? KIT_RESET : t->how == KIT_RESET ? KIT_HALF_CLOSE : KIT_WHOLE;
            t->way = t->way == KIT_THERE ? KIT_BACK : KIT_THERE;
        }
        if (t->how == KIT_WHOLE) {
            tractor_nursery_cancel(t->root, "all has been cut");
            return;
        }
        t->cuts++;
        kit_proxy_break(t->proxy, t->number, t->way, t->at, t->how);
    }
    /* Not from inside of the last one. */
    tractor_nursery_sleep(t->root, 0, begin_talk, t);
}

static void talk_body(tractor_nursery *root, void *user) {
    talk *t = user;
    t->root = root;
    next_talk(t);
}

static const char *const talk_modules[] = { "kit", "life", NULL };

static void run_talks(talk *t) {
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = talk_modules }, talk_body, t);
    kit_assert_code(run.err, TRACTOR_OK);
}

static void X_26_cut_at_every_byte(void **state) {
    (void)state;
    kit_expect_log("nobody is left to hear of");
    talk t = { .step = stride(1), .proxy = kit_proxy_open(kit_registry()) };
    run_talks(&t);
    print_message("             %d cuts of %d and %d bytes, %d broke it; the longest took %.1f ms\n", t.cuts,
                  (int)t.sizes[0], (int)t.sizes[1], t.broken, (double)t.longest / 1e6);
    assert_int_equal(t.bad, 0);
    assert_true(t.cuts >= 6 * 300 / t.step && t.broken > t.cuts / 2);
}

/* ---- slowly, in pieces, not at all ---- */

static void one_slow_talk(int split, int delay_ms) {
    talk t = { .once = true, .proxy = kit_proxy_open(kit_registry()) };
    for (int way = 0; way < 2; way++) {
        kit_proxy_split(t.proxy, (enum kit_way)way, split);
        kit_proxy_delay(t.proxy, (enum kit_way)way, delay_ms);
    }
    run_talks(&t);
    assert_int_equal(t.bad + t.broken, 0);
    assert_int_equal(t.received, ITEMS);
    if (delay_ms)
        assert_true(t.longest > 4 * delay_ms * TRACTOR_MS);
    kit_proxy_close(t.proxy);
}

static void X_26_pieces_and_delays(void **state) {
    (void)state;
    one_slow_talk(1, 0);
    one_slow_talk(0, 10);
    one_slow_talk(50, 2);
}

typedef struct stall {
    kit_proxy *proxy;
    tractor_nursery *root;
    kit_outcome shaken, connected, late, again;
    int64_t begun;
} stall;

static void answered_again(kit_outcome *o) { tractor_nursery_cancel(((stall *)o->user)->root, "that was it"); }

static void timed_out(kit_outcome *o) {
    stall *s = o->user;
    kit_proxy_go_on(s->proxy, 1, KIT_BACK);
    s->again.then = answered_again;
    s->again.user = s;
    tractor_portal_run(s->connected.portal, NULL, "kit", "echo", tractor_pack("{}"), NULL, kit_on_value, &s->again);
}

/* Connected; now nothing comes back any more. */
static void stall_answers(kit_outcome *o) {
    stall *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_proxy_break(s->proxy, 1, KIT_BACK, kit_proxy_count(s->proxy, 1, KIT_BACK), KIT_STALL);
    s->late.then = timed_out;
    s->late.user = s;
    s->begun = tractor_now();
    tractor_portal_run(o->portal, NULL, "kit", "echo", tractor_pack("{}"),
                       &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .timeout_ns = 100 * TRACTOR_MS }, kit_on_value,
                       &s->late);
}

static void nobody_shakes_hands(kit_outcome *o) {
    stall *s = o->user;
    s->connected.then = stall_answers;
    s->connected.user = s;
    tractor_get_registry(s->root, kit_proxy_address(s->proxy), NULL, kit_on_portal, &s->connected);
}

static void stall_body(tractor_nursery *root, void *user) {
    stall *s = user;
    s->root = root;
    s->shaken.then = nobody_shakes_hands;
    s->shaken.user = s;
    kit_proxy_break(s->proxy, 0, KIT_BACK, 20, KIT_STALL);
    tractor_get_registry(root, kit_proxy_address(s->proxy),
                         &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .timeout_ns = 100 * TRACTOR_MS }, kit_on_portal,
                         &s->shaken);
}

static void X_26_stalls(void **state) {
    (void)state;
    stall s = { .proxy = kit_proxy_open(kit_registry()) };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = talk_modules }, stall_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(s.shaken.err, TRACTOR_ETIMEDOUT);
    kit_assert_code(s.late.err, TRACTOR_ETIMEDOUT);
    kit_assert_within_ms(s.late.at - s.begun, 100 + 616 + 200);
    kit_assert_code(s.again.err, TRACTOR_OK);
    assert_int_equal(s.again.calls, 1);
}

/* ---- a child's boot ---- */

enum { AT_ONCE = 8 };

typedef struct cut {
    int connection;
    enum kit_way way;
    int64_t at;
} cut;

typedef struct nest {
    kit_proxy *proxy;
    tractor_nursery *root;
    kit_outcome starts[AT_ONCE];
    cut planned[AT_ONCE];
    int64_t begun;
    int64_t sizes[2]; /* of a whole boot */
    enum kit_way way;
    int64_t next, step;
    enum kit_break how; /* of the next one */
    int connection, running, whole, bad, cuts;
} nest;

static void hatch(nest *n);

/* Which connection a start has got is not known, but how many were cut is. A boot's length depends on the digits of the
 * process id, so the last cut of a direction may lie behind its end: then it went well, and has to. */
static void reckon(nest *n) {
    for (int i = 0; i < AT_ONCE; i++) {
        const cut *c = &n->planned[i];
        if (kit_proxy_count(n->proxy, c->connection, c->way) < c->at) {
            kit_proxy_go_on(n->proxy, c->connection, c->way);
            n->whole--;
        }
    }
    if (n->whole != 0) {
        fprintf(stderr, "of %d cuts %d more went well than were not reached\n", AT_ONCE, n->whole);
        n->bad++;
    }
    n->whole = 0;
    memset(n->planned, 0, sizeof n->planned);
}

static void hatched(kit_outcome *o) {
    nest *n = o->user;
    if (o->portal)
        n->whole++;
    else if (tractor_error_code(o->err) != TRACTOR_ESPAWN || !of_the_connection(o->err) ||
             !kit_within_ms(o->at - n->begun, 1000)) {
        char *text = tractor_error_format(o->err);
        fprintf(stderr, "%.1f ms: %s", (double)(o->at - n->begun) / 1e6, text);
        tractor_free(text);
        n->bad++;
    }
    if (--n->running == 0) {
        reckon(n);
        hatch(n);
    }
}

static void hatch(nest *n) {
    n->begun = tractor_now();
    while (n->running < AT_ONCE) {
        if (n->next >= n->sizes[n->way]) {
            if (n->way == KIT_BACK)
                break;
            n->way = KIT_BACK;
            n->next = first((int)n->step);
        }
        n->planned[n->running] = (cut){ n->connection++, n->way, n->next };
        kit_proxy_break(n->proxy, n->planned[n->running].connection, n->way, n->next, n->how);
        n->how = n->how == KIT_CLOSE ? KIT_RESET : n->how == KIT_RESET ? KIT_HALF_CLOSE : KIT_CLOSE;
        n->next += n->step;
        n->cuts++;
        kit_outcome *o = &n->starts[n->running++];
        *o = (kit_outcome){ .then = hatched, .user = n };
        tractor_nursery_start_actor(
            n->root, "child",
            &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = talk_modules,
                                      .stderr_mode = TRACTOR_STDERR_CAPTURE,
                                      .env = kit_redirect_env(kit_proxy_address(n->proxy), NULL, 0) },
            kit_on_portal, o);
    }
    if (n->running == 0)
        tractor_nursery_cancel(n->root, "all has been cut");
}

static void whole_boot(kit_outcome *o) {
    nest *n = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    for (int way = 0; way < 2; way++)
        n->sizes[way] = kit_proxy_count(n->proxy, 0, (enum kit_way)way);
    assert_true(n->sizes[KIT_THERE] > 150 && n->sizes[KIT_BACK] > 500);
    n->connection = 1;
    n->how = KIT_CLOSE;
    n->next = first((int)n->step);
    hatch(n);
}

static void nest_body(tractor_nursery *root, void *user) {
    nest *n = user;
    n->root = root;
    n->starts[0] = (kit_outcome){ .then = whole_boot, .user = n };
    tractor_nursery_start_actor(
        root, "child",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = talk_modules,
                                  .env = kit_redirect_env(kit_proxy_address(n->proxy), NULL, 0) },
        kit_on_portal, &n->starts[0]);
}

static void X_26_boot_cut_at_every_byte(void **state) {
    (void)state;
    nest n = { .proxy = kit_proxy_open(kit_registry()), .step = stride(2) };
    alarm((unsigned)(60 * kit_headroom()));
    kit_run run = kit_run_root(NULL, nest_body, &n);
    kit_assert_code(run.err, TRACTOR_OK);
    print_message("             %d cuts of %d and %d bytes in %.1f s\n", n.cuts, (int)n.sizes[0], (int)n.sizes[1],
                  (double)run.ns / 1e9);
    assert_int_equal(n.bad, 0);
    assert_true(n.cuts * n.step >= n.sizes[0] + n.sizes[1] - 2 * n.step);
}

/* ---- a child that is up ---- */

static int64_t whole[2];
static kit_proxy *between;

static life child_behind(kit_proxy *p) {
    life l = { .child_env = kit_redirect_env(kit_proxy_address(p), NULL, 0) };
    return l;
}

static void cut_life(int connection, enum kit_way way, int64_t at, enum kit_break how, int *bad) {
    const char *what =
        kit_text("%s after %d bytes %s", kit_break_name(how), (int)at, way == KIT_BACK ? "back" : "there");
    life_watch(what, 10);
    kit_proxy_break(between, connection, way, at, how);
    life l = child_behind(between);
    life_run(&l);
    const char *wrong = life_wrong(&l);
    bool told = l.end || l.start.err || l.call.err || l.context.err;
    if (!wrong && !told && !l.streamed)
        wrong = "nobody was told";
    /* It breaks under a child that was up: its nursery is told, too, unless that was closing already. */
    if (!wrong && (l.call.err || l.context.err) && (tractor_error_code(l.end) != TRACTOR_ETRANSPORT))
        wrong = "the nursery was not told of the connection";
    if (!wrong && told &&
        !of_the_connection(l.start.err     ? l.start.err
                           : l.call.err    ? l.call.err
                           : l.context.err ? l.context.err
                                           : l.end))
        wrong = "not an error of the connection";
    if (!wrong && !kit_within_ms(l.ns, 1000))
        wrong = "it took too long";
    if (wrong) {
        fprintf(stderr, "WRONG: %s: %s (%.1f ms)\n%s", what, wrong, (double)l.ns / 1e6, life_errors(&l));
        ++*bad;
    }
}

static void X_26_a_child_cut_off(void **state) {
    (void)state;
    int bad = 0, connection = 1, step = stride(7) * 3;
    between = kit_proxy_open(kit_registry());
    life l = child_behind(between);
    life_begin_with(&l);
    for (int way = 0; way < 2; way++)
        whole[way] = kit_proxy_count(between, 0, (enum kit_way)way);
    enum kit_break how = KIT_CLOSE;
    for (int way = 0; way < 2; way++)
        for (int64_t at = first(step); at <= whole[way]; at += step) {
            cut_life(connection++, (enum kit_way)way, at, how, &bad);
            how = how == KIT_CLOSE ? KIT_RESET : how == KIT_RESET ? KIT_HALF_CLOSE : KIT_CLOSE;
        }
    print_message("             %d lives, %d and %d bytes\n", connection, (int)whole[0], (int)whole[1]);
    assert_int_equal(bad, 0);
}

static void X_26_a_child_far_away(void **state) {
    (void)state;
    between = kit_proxy_open(kit_registry());
    life l = child_behind(between);
    life_begin_with(&l);
    for (int i = 0; i < 3; i++) {
        for (int way = 0; way < 2; way++) {
            kit_proxy_split(between, (enum kit_way)way, i == 0 ? 1 : i == 1 ? 0 : 100);
            kit_proxy_delay(between, (enum kit_way)way, i == 0 ? 0 : i == 1 ? 10 : 1);
        }
        life far = child_behind(between);
        life_run(&far);
        if (life_wrong(&far) || !life_undisturbed(&far))
            fail_msg("%s\n%s", life_wrong(&far), life_errors(&far));
        kit_assert_within_ms(far.ns, 1000);
    }
}

LIFE_CHILDREN_DO_NOT_LOOK_FOR_LEAKS

int main(int argc, char **argv) {
    life_register();
    kit_begin(argc, argv);
    LIFE_AT_HOME();
    const kit_test tests[] = {
        KIT_TEST(X_26_cut_at_every_byte),      KIT_TEST(X_26_pieces_and_delays), KIT_TEST(X_26_stalls),
        KIT_TEST(X_26_boot_cut_at_every_byte), KIT_TEST(X_26_a_child_cut_off),   KIT_TEST(X_26_a_child_far_away),
    };
    return kit_run_tests(tests);
}
