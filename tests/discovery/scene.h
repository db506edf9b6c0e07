/* Tests of actors that find each other, written as a list of steps. Each step starts one thing; when that is done, the next
 * step is taken, and sees in `last` what came of it:
 *
 *     static void last_one_is_found(scene *s) {
 *         switch (s->step++) {
 *             case 0: return scene_start(s, "seeker");
 *             case 1: return scene_start(s, "service");
 *             case 2: return scene_ask(s, 0, "find", "service");
 *             case 3: assert_found(s, 1); return scene_end(s);
 *         }
 *     }
 *
 * What fails, fails the test, unless the step was told to expect it. */
#ifndef TRACTOR_TESTS_DISCOVERY_SCENE_H
#define TRACTOR_TESTS_DISCOVERY_SCENE_H

#include "kit/kit.h"
#include "robust/raw_peer.h"

typedef struct scene {
    void (*go)(struct scene *s);
    int step;
    void *user;
    tractor_nursery *root;
    tractor_nursery *in;       /* waits for what the steps start; the root's, unless scene_shield() */
    tractor_nursery *children; /* its end is a step */
    tractor_portal *actors[8]; /* in the order in which they were started */
    tractor_nursery *homes[8]; /* each has one */
    tractor_stream *streams[8];
    size_t actor_count, stream_count;
    kit_outcome last;
    int expected;
    char names[400];  /* after scene_list() */
    const char *kept; /* a text of the steps' own */
    tractor_op op;    /* of a search */
    tractor_op shield;
    /* of the step that is under way: */
    int items;
    void (*work)(void *user);
    const char *func;
    tractor_value *args;
    tractor_value_fn on_answer;
} scene;

/* A root as kit_run_root() makes it. */
kit_run scene_run(void (*go)(scene *s), void *user, const tractor_root_options *more);
/* The same, and it ends well. It is the registrar itself, unless one is at kit_registry() already. */
void scene_play(void (*go)(scene *s), void *user);

/* The next step, now. */
void scene_go(scene *s);
/* The step ends with that error, and with no other. */
void scene_expect(scene *s, int code);

/* ---- steps ---- */

/* A child that serves the modules "kit" and "seeker". */
void scene_start(scene *s, const char *name);
/* The same, with options of its own. */
void scene_start_with(scene *s, const char *name, tractor_spawn_options options);
/* Calls "seeker" in one of them; `name` is the argument of that name. */
void scene_ask(scene *s, size_t who, const char *func, const char *name);
/* The root asks. */
void scene_find(scene *s, const char *name, const tractor_find_options *options);
void scene_wait(scene *s, const char *name, const tractor_find_options *options);
void scene_query(scene *s, const char *name, const tractor_find_options *options);
/* Calls one of the end points of this root's registrar. */
void scene_ask_registrar(scene *s, const char *func, tractor_bytes args);
/* Arguments as raw_send() takes them: "{'uid':['name','uuid'],'addr':['127.0.0.1',1]}". They live until the test ends. */
tractor_bytes scene_args(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Such a text: an address as it is on the wire. */
const char *scene_address(const char *multiaddr);
/* The names of all who are registered, in the order in which they came: "root service client". NULL: this root's registrar. */
void scene_list(scene *s, const char *registrar);
/* Receives from a generator of "seeker" that never ends, until it flows. */
void scene_stream(scene *s, size_t who);
void scene_cancel(scene *s, size_t who);
/* Ends it; the step after it sees that its process is gone. */
void scene_stop(scene *s, size_t who);
/* `work` runs on another thread, with the scene's `user`. */
void scene_in_thread(scene *s, void (*work)(void *user));
/* From here on the steps are not cancelled, for so long. */
void scene_shield(scene *s, int64_t ms);
/* Cancels all children; the step after it sees that they have ended. */
void scene_dismiss(scene *s);
/* There are no more steps. */
void scene_end(scene *s);

/* ---- what came of it ---- */

#define assert_names(s, expected) assert_string_equal((s)->names, expected)
/* What "find" in "seeker" answers: that actor, or nobody. */
#define assert_found(s, who) kit_assert_value((s)->last.value, "s", tractor_portal_id((s)->actors[who])->uuid)
/* The root's search: that actor, by the connection that there is. */
void assert_connected(const scene *s, size_t who);
#define assert_nobody_found(s) kit_assert_value((s)->last.value, "n")

/* ---- the module "seeker" ----
 *
 *   find(name), wait(name)   the uuid of whom it finds, or nil
 *   query(name)              addresses
 *   call(name)               waits for that actor, and what its hi() answers
 *   hi()                     "Hi my name is NAME"
 *   root()                   the uuid of the root of its tree
 *   grandchild_root()        starts a child and answers the same for that
 *   numbers()                a generator
 *   deafen()                 nobody can connect to this actor any more
 *   watch()                  watches the registrar from now on
 *   seen(name)               waits until it has seen that actor join, and answers who is there as far as it has seen: "a b c"
 */
void seeker_register(void);

/* ---- other processes ---- */

/* A root at a registry address: its registrar, or one that joins it. */
typedef struct other_root {
    const char *name, *log;
    pid_t pid;
    int says;
    bool up;
} other_root;
/* It is up when this returns. */
other_root other_root_open(const char *registry, const char *name);
/* For those that join a root of this process, which has to answer them: it is up after other_root_wait() on another thread. */
other_root other_root_start(const char *registry, const char *name);
void other_root_wait(void *other);
/* Sends it a signal and waits for its end: as waitpid() says it. */
int other_root_end(other_root *other, int signal);
/* Ends it in order; on another thread, if it has to tell us. */
void other_root_leave(void *other);
/* What is left of an actor that is killed, if its transport leaves anything. */
void remove_socket(const char *multiaddr);

#endif
