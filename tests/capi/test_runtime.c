/* The life of an actor: its end, its thread, its forks, its second opening. */
#include "kit/kit.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>

#include "tests.h"

/* ---- RUN-01: what a child hung on its own end runs, however it ends ---- */

static void delete_file(const tractor_error *err, void *user) {
    (void)err;
    unlink(user);
    free(user);
}

static void clean_up_later(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *path;
    bool fail;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s, s:b}", "path", &path, "fail", &fail) != TRACTOR_OK)
        return;
    tractor_nursery *own = tractor_actor_nursery(tractor_ctx_actor(ctx));
    tractor_nursery_on_end(own, delete_file, strdup(path));
    if (fail)
        forward(ctx, tractor_actor_self(tractor_ctx_actor(ctx)), "kit", "nap_fail",
                TRACTOR_ARGS("{s:i, s:s, s:s}", "ms", 100, "type", "AssertionError", "message", "in the child"));
    else
        forward(ctx, tractor_actor_self(tractor_ctx_actor(ctx)), "kit", "forever", TRACTOR_ARGS("{}"));
}

typedef struct lifetime {
    bool error_in_child;
    const char *path;
    tractor_nursery *scope;
    kit_outcome end;
} lifetime;

static void lifetime_body(tractor_nursery *root, void *user) {
    lifetime *l = user;
    static const char *const modules[] = { "runtime", "kit", NULL };
    l->scope = tractor_nursery_open(
        root,
        &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS,
                                    .timeout_ns = l->error_in_child ? 1600 * TRACTOR_MS : TRACTOR_SECOND },
        kit_on_done, &l->end);
    tractor_nursery_run_in_actor(l->scope, "runtime", "clean_up_later",
                                 TRACTOR_ARGS("{s:s, s:b}", "path", l->path, "fail", l->error_in_child),
                                 &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, NULL, NULL);
    tractor_nursery_close(l->scope);
}

static void RUN_01_lifetime_stack_wipes_tmpfile(void **state) {
    lifetime l = { .error_in_child = *(bool *)*state, .path = kit_path("file") };
    FILE *f = fopen(l.path, "we");
    fclose(f);
    kit_run run = kit_run_root(NULL, lifetime_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_not_equal(access(l.path, F_OK), 0);
    if (l.error_in_child) {
        kit_assert_code(l.end.err, TRACTOR_EREMOTE);
        assert_string_equal(tractor_error_source_type(l.end.err), "AssertionError");
        kit_assert_within_ms(run.ns, 1000);
    } else {
        kit_assert_code(l.end.err, TRACTOR_ETIMEDOUT);
        assert_true(run.ns >= TRACTOR_SECOND);
        kit_assert_within_ms(run.ns, 1700);
    }
}

/* ---- run_in_thread ---- */

static pthread_barrier_t meeting;
static void meet(void *user) {
    (void)user;
    pthread_barrier_wait(&meeting);
}
static void in_parallel_body(tractor_nursery *root, void *user) {
    kit_outcome *outcomes = user;
    for (int i = 0; i < 4; i++)
        tractor_nursery_run_in_thread(root, meet, kit_on_done, &outcomes[i]);
}
static void threads_run_in_parallel(void **state) {
    (void)state;
    kit_outcome outcomes[4] = { KIT_OUTCOME };
    pthread_barrier_init(&meeting, NULL, 4);
    kit_assert_code(kit_run_root(NULL, in_parallel_body, outcomes).err, TRACTOR_OK);
    pthread_barrier_destroy(&meeting);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        kit_assert_code(outcomes[i].err, TRACTOR_OK);
    }
}

enum { THREADS = 16 };
static sem_t begun, gate;
static int begun_too_late;
typedef struct crowd {
    kit_outcome working[THREADS], waiting;
    tractor_op op;
} crowd;
static void work(void *user) {
    (void)user;
    sem_post(&begun);
    sem_wait(&gate);
}
static void never_work(void *user) {
    (void)user;
    begun_too_late++;
}
static void open_gate(kit_outcome *o) {
    (void)o;
    for (int i = 0; i < THREADS; i++)
        sem_post(&gate);
}
static void crowd_body(tractor_nursery *root, void *user) {
    crowd *c = user;
    tractor_op first = 0;
    for (int i = 0; i < THREADS; i++) {
        tractor_op op = tractor_nursery_run_in_thread(root, work, kit_on_done, &c->working[i]);
        first = first ? first : op;
    }
    for (int i = 0; i < THREADS; i++)
        sem_wait(&begun);
    c->waiting.then = open_gate;
    c->op = tractor_nursery_run_in_thread(root, never_work, kit_on_done, &c->waiting);
    assert_int_equal(tractor_op_cancel(kit_actor(), c->op), TRACTOR_OK);
    /* What has begun goes on, and is a success. */
    assert_int_equal(tractor_op_cancel(kit_actor(), first), TRACTOR_OK);
}
static void thread_cancelled_before_it_began(void **state) {
    (void)state;
    crowd c = { 0 };
    sem_init(&begun, 0, 0);
    sem_init(&gate, 0, 0);
    kit_assert_code(kit_run_root(NULL, crowd_body, &c).err, TRACTOR_OK);
    assert_int_equal(begun_too_late, 0);
    kit_assert_code(c.waiting.err, TRACTOR_ECANCELED);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(c.working[i].calls, 1);
        kit_assert_code(c.working[i].err, TRACTOR_OK);
    }
}

/* ---- post ---- */

enum { POSTERS = 4, POSTS = 1000 };
typedef struct posting {
    tractor_actor *actor;
    tractor_op hold;
    int arrived;
    pthread_t threads[POSTERS], main;
} posting;
static void arrived(const tractor_error *err, void *user) {
    posting *p = user;
    kit_assert_code(err, TRACTOR_OK);
    assert_true(pthread_equal(pthread_self(), p->main));
    if (++p->arrived == POSTERS * POSTS)
        tractor_op_complete(p->actor, p->hold, NULL);
}
static void *post_many(void *user) {
    posting *p = user;
    for (int i = 0; i < POSTS; i++)
        if (tractor_actor_post(p->actor, arrived, p) != TRACTOR_OK)
            abort();
    return NULL;
}
static void posting_body(tractor_nursery *root, void *user) {
    posting *p = user;
    p->actor = tractor_actor_ref(kit_actor());
    p->main = pthread_self();
    p->hold = tractor_nursery_hold(root, "posts", NULL, NULL);
    for (int i = 0; i < POSTERS; i++)
        pthread_create(&p->threads[i], NULL, post_many, p);
}
static void post_from_threads(void **state) {
    (void)state;
    posting p = { 0 };
    kit_assert_code(kit_run_root(NULL, posting_body, &p).err, TRACTOR_OK);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(p.threads[i], NULL);
    assert_int_equal(p.arrived, POSTERS * POSTS);
    assert_int_equal(tractor_actor_post(p.actor, arrived, &p), TRACTOR_ECLOSED);
    assert_int_equal(tractor_actor_run(p.actor), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_cancel(tractor_actor_nursery(p.actor), NULL), TRACTOR_ECLOSED);
    tractor_actor_unref(p.actor);
}

/* What was accepted is called, once, however the end and the posts overlap; nothing is accepted after it. */
typedef struct late {
    tractor_actor *actor;
    pthread_t thread;
    int accepted, last_status, called, called_closed;
} late;
static void count_late(const tractor_error *err, void *user) {
    late *l = user;
    l->called++;
    if (err) {
        kit_assert_code(err, TRACTOR_ECLOSED);
        l->called_closed++;
    }
}
static void *post_until_closed(void *user) {
    late *l = user;
    while ((l->last_status = tractor_actor_post(l->actor, count_late, l)) == TRACTOR_OK)
        l->accepted++;
    return NULL;
}
static void post_at_the_end_body(tractor_nursery *root, void *user) {
    late *l = user;
    (void)root;
    l->actor = tractor_actor_ref(kit_actor());
    pthread_create(&l->thread, NULL, post_until_closed, l);
}
static void post_at_the_end(void **state) {
    (void)state;
    int closed = 0;
    for (int i = 0; i < 20; i++) {
        late l = { 0 };
        kit_assert_code(kit_run_root(NULL, post_at_the_end_body, &l).err, TRACTOR_OK);
        pthread_join(l.thread, NULL);
        assert_int_equal(l.last_status, TRACTOR_ECLOSED);
        assert_int_equal(l.called, l.accepted);
        closed += l.called_closed;
        tractor_actor_unref(l.actor);
    }
    print_message("%d posts were told that the actor had ended\n", closed);
}

/* An actor that is open takes posts, also in the moment in which the loop's thread takes it over. */
static void close_at_once(tractor_nursery *root, void *user) {
    late *l = user;
    (void)root;
    tractor_actor_close(l->actor);
}
static void post_before_it_runs(void **state) {
    (void)state;
    late l = { 0 };
    tractor_root_options options = kit_root_options(NULL);
    assert_int_equal(tractor_actor_open(&options, close_at_once, NULL, &l, &l.actor), TRACTOR_OK);
    tractor_actor_ref(l.actor);
    pthread_create(&l.thread, NULL, post_until_closed, &l);
    assert_int_equal(tractor_actor_run(l.actor), TRACTOR_OK);
    pthread_join(l.thread, NULL);
    assert_int_equal(l.last_status, TRACTOR_ECLOSED);
    assert_int_equal(l.called, l.accepted);
    tractor_actor_unref(l.actor);
}

/* ---- who may call ---- */

static tractor_nursery *theirs;
static void *from_another_thread(void *user) {
    (void)user;
    bool ok = tractor_nursery_sleep(theirs, 0, NULL, NULL) == TRACTOR_EWRONGTHREAD &&
              tractor_nursery_cancel(theirs, NULL) == TRACTOR_EWRONGTHREAD &&
              tractor_nursery_hold(theirs, NULL, NULL, NULL) == TRACTOR_EWRONGTHREAD &&
              tractor_nursery_start_actor(theirs, "x", NULL, NULL, NULL) == TRACTOR_EWRONGTHREAD &&
              tractor_portal_run(tractor_actor_self(kit_actor()), theirs, "a", "b", tractor_pack(NULL), NULL, NULL,
                                 NULL) < 0 &&
              !tractor_actor_is_registrar(kit_actor());
    tractor_nursery_close(theirs);
    tractor_actor_close(kit_actor());
    return (void *)(intptr_t)ok;
}
static void wrong_thread_body(tractor_nursery *root, void *user) {
    pthread_t thread;
    void *ok;
    (void)user;
    theirs = root;
    pthread_create(&thread, NULL, from_another_thread, NULL);
    pthread_join(thread, &ok);
    assert_non_null(ok);
    assert_false(tractor_nursery_cancel_called(root));
    assert_true(tractor_nursery_sleep(root, 0, kit_on_done, user) > 0); /* nothing has changed */
}
static void wrong_thread(void **state) {
    (void)state;
    kit_outcome slept = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, wrong_thread_body, &slept).err, TRACTOR_OK);
    assert_int_equal(slept.calls, 1);
    kit_assert_code(slept.err, TRACTOR_OK);
}

static void forked_body(tractor_nursery *root, void *user) {
    (void)user;
    tractor_actor *actor = kit_actor();
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = tractor_nursery_sleep(root, 0, NULL, NULL) == TRACTOR_EFORKED &&
                  tractor_nursery_cancel(root, NULL) == TRACTOR_EFORKED &&
                  tractor_actor_post(actor, kit_on_done, NULL) == TRACTOR_EFORKED &&
                  tractor_actor_run(actor) == TRACTOR_EFORKED;
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}
static void after_fork(void **state) {
    (void)state;
    kit_assert_code(kit_run_root(NULL, forked_body, NULL).err, TRACTOR_OK);
}

static void run_inside_body(tractor_nursery *root, void *user) {
    (void)root, (void)user;
    assert_int_equal(tractor_actor_run(kit_actor()), TRACTOR_EDEADLK);
}
static void run_inside_a_callback(void **state) {
    (void)state;
    kit_assert_code(kit_run_root(NULL, run_inside_body, NULL).err, TRACTOR_OK);
}

/* ---- again and again ---- */

static void open_200_times(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++)
        kit_assert_code(kit_run_root(NULL, NULL, NULL).err, TRACTOR_OK);
}

static void with_child_body(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "kit", "echo", TRACTOR_ARGS("{s:i}", "i", 1), NULL, kit_on_value, user);
}
static void open_20_times_with_a_child(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        kit_outcome o = KIT_OUTCOME;
        kit_assert_code(kit_run_root(NULL, with_child_body, &o).err, TRACTOR_OK);
        kit_assert_value(o.value, "{s:i}", "i", 1);
    }
}

/* ---- to oneself and to the parent ---- */

static void self_body(tractor_nursery *root, void *user) {
    tractor_portal *self = tractor_actor_self(kit_actor());
    assert_true(tractor_portal_connected(self));
    assert_string_equal(tractor_portal_id(self)->uuid, tractor_actor_id(kit_actor())->uuid);
    tractor_portal_run(self, root, "kit", "echo", TRACTOR_ARGS("{s:s}", "to", "myself"), NULL, kit_on_value, user);
}
static void self_portal(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = kit_modules }, self_body, &o);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(o.value, "{s:s}", "to", "myself");
}

static void ask_parent(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_portal *parent = tractor_actor_parent(tractor_ctx_actor(ctx));
    if (!tractor_portal_connected(parent) || strcmp(tractor_portal_id(parent)->uuid, tractor_ctx_peer(ctx)->uuid) != 0)
        tractor_ctx_raisef(ctx, "AssertionError", "the caller is not the parent");
    else
        forward(ctx, parent, "kit", "pid", TRACTOR_ARGS("{}"));
}
static void parent_body(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "runtime", "ask_parent", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}
static void parent_portal(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = kit_modules }, parent_body, &o);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(o.err, TRACTOR_OK);
    kit_assert_value(o.value, "I", (int64_t)getpid());
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("clean_up_later", clean_up_later),
                                               TRACTOR_FUNC("ask_parent", ask_parent), TRACTOR_ENDPOINTS_END };
    tractor_register("runtime", module, NULL);
    kit_begin(argc, argv);
    bool yes = true, no = false;
    const kit_test tests[] = {
        KIT_TEST_WITH(RUN_01_lifetime_stack_wipes_tmpfile, "error in child", &yes),
        KIT_TEST_WITH(RUN_01_lifetime_stack_wipes_tmpfile, "deadline of the parent", &no),
        KIT_TEST(threads_run_in_parallel),
        KIT_TEST(thread_cancelled_before_it_began),
        KIT_TEST(post_from_threads),
        KIT_TEST(post_at_the_end),
        KIT_TEST(post_before_it_runs),
        KIT_TEST(wrong_thread),
        KIT_TEST(after_fork),
        KIT_TEST(run_inside_a_callback),
        KIT_TEST(open_200_times),
        KIT_TEST(open_20_times_with_a_child),
        KIT_TEST(self_portal),
        KIT_TEST(parent_portal),
    };
    return kit_run_tests(tests);
}
