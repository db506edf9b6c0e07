/* MUL-05: how actors are found, and what a registrar does not let anybody do. */
// ctest: timeout=120
#include "discovery/scene.h"

#include <poll.h>
#include <signal.h>

static tractor_find_options within_ms(int64_t ms) {
    return (tractor_find_options){ TRACTOR_FIND_OPTIONS, .timeout_ns = ms * TRACTOR_MS };
}

static void play_with_registrar(void (*go)(scene *s)) {
    other_root registrar = other_root_open(kit_registry(), "registrar");
    scene_play(go, &registrar);
    other_root_end(&registrar, SIGINT);
}

/* What scene_query() has found. */
static const char *only_address(const scene *s) {
    const char *address;
    assert_int_equal(tractor_unpack(s->last.value, "[s]", &address), TRACTOR_OK);
    return kit_text("%s", address);
}

/* ---- whoever is connected is found while the registrar does not answer ---- */

static void without_asking(scene *s) {
    const other_root *registrar = s->user;
    const tractor_find_options soon = within_ms(100);
    switch (s->step++) {
        case 0:
            return scene_start(s, "child");
        case 1:
            assert_int_equal(kill(registrar->pid, SIGSTOP), 0);
            assert_true(kit_wait_state(registrar->pid, "T"));
            return scene_find(s, "child", &soon);
        case 2:
            assert_connected(s, 0);
            return scene_wait(s, "child", &soon);
        case 3:
            assert_connected(s, 0);
            return scene_ask(s, 0, "find", "root");
        case 4:
            kit_assert_value(s->last.value, "s", tractor_actor_id(kit_actor())->uuid);
            scene_expect(s, TRACTOR_ETIMEDOUT);
            return scene_find(s, "somebody", &soon);
        case 5:
            assert_int_equal(kill(registrar->pid, SIGCONT), 0);
            return scene_end(s);
    }
}

static void X_30_the_connected_are_found_without_asking(void **state) {
    (void)state;
    play_with_registrar(without_asking);
}

/* In a registrar, whoever has registered there is connected. */
static void by_lease(scene *s) {
    other_root *stranger = s->user;
    switch (s->step++) {
        case 0:
            *stranger = other_root_start(kit_registry(), "stranger");
            return scene_in_thread(s, other_root_wait);
        case 1:
            assert_true(stranger->up);
            return scene_query(s, "stranger", NULL);
        case 2:
            s->kept = only_address(s);
            return scene_find(s, "stranger", NULL);
        case 3:
            kit_assert_portal(s->last.portal);
            assert_int_equal(kit_pid(s->last.portal), stranger->pid);
            assert_string_not_equal(tractor_portal_address(s->last.portal), s->kept);
            return scene_in_thread(s, other_root_leave);
        case 4:
            return scene_end(s);
    }
}

static void X_30_the_registered_are_connected(void **state) {
    (void)state;
    other_root stranger;
    scene_play(by_lease, &stranger);
}

/* ---- of several the last one, if it is there ---- */

static void behind_the_dead(scene *s) {
    switch (s->step++) {
        case 0:
            return scene_start(s, "seeker");
        case 1:
            return scene_start(s, "twin");
        case 2:
            return scene_ask_registrar(
                s, "register_actor",
                scene_args("{'uid':['twin','dead'],'addr':%s}", scene_address(kit_fresh_address())));
        case 3:
            return scene_ask(s, 0, "find", "twin");
        case 4:
            kit_assert_value(s->last.value, "s", tractor_portal_id(s->actors[1])->uuid);
            return scene_list(s, NULL);
        case 5:
            assert_names(s, "root seeker twin");
            return scene_end(s);
    }
}

static void X_29_a_dead_namesake_hides_nobody(void **state) {
    (void)state;
    scene_play(behind_the_dead, NULL);
}

/* ---- it is gone before who waited for it has heard of it ---- */

static void come_and_go(const tractor_error *err, tractor_portal *registrar, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    tractor_bytes come = scene_args("{'uid':['fleeting','f'],'addr':%s}", scene_address(kit_fresh_address()));
    tractor_portal_run_from_ns(registrar, NULL, "self", "register_actor", come, NULL, NULL, NULL);
    tractor_portal_run_from_ns(registrar, NULL, "self", "unregister_actor", scene_args("{'uid':['fleeting','f']}"),
                               NULL, NULL, NULL);
    (void)user;
}

static void fleeting(scene *s) {
    switch (s->step++) {
        case 0:
            scene_expect(s, TRACTOR_ETRANSPORT);
            scene_wait(s, "fleeting", NULL);
            tractor_get_registry(s->root, NULL, NULL, come_and_go, NULL);
            return;
        case 1:
            return scene_list(s, NULL);
        case 2:
            assert_names(s, "root");
            return scene_end(s);
    }
}

static void X_31_whom_one_waited_for_leaves_at_once(void **state) {
    (void)state;
    scene_play(fleeting, NULL);
}

/* ---- X-33 ---- */

static const char *const bad_addresses[] = { "['127.0.0.1',0]", "['0.0.0.0',4000]", "['224.0.0.1',4000]", "['::',4000]",
                                             "['example.org',4000]" };
enum { BAD_ADDRESSES = sizeof bad_addresses / sizeof *bad_addresses };

static void bad_address(scene *s) {
    if (s->step > 0 && s->step <= BAD_ADDRESSES)
        kit_assert_remote(s->last.err, "ValueError");
    if (s->step < BAD_ADDRESSES) {
        scene_expect(s, TRACTOR_EREMOTE);
        return scene_ask_registrar(s, "register_actor",
                                   scene_args("{'uid':['bad','b'],'addr':%s}", bad_addresses[s->step++]));
    }
    if (s->step++ == BAD_ADDRESSES)
        return scene_list(s, NULL);
    assert_names(s, "registrar root");
    scene_end(s);
}

static void X_33_an_address_nobody_can_be_reached_at_is_refused(void **state) {
    (void)state;
    play_with_registrar(bad_address);
}

/* ---- the root wants to change the entry of its child, and that of the registrar itself ---- */

static void only_the_owner(scene *s) {
    const char *root = kit_text("['root','%s']", tractor_actor_id(kit_actor())->uuid);
    const char *victim = s->actor_count ? kit_text("['victim','%s']", tractor_portal_id(s->actors[0])->uuid) : "";
    switch (s->step++) {
        case 0:
            return scene_start(s, "victim");
        case 1:
            return scene_query(s, "victim", NULL);
        case 2:
            s->kept = scene_address(only_address(s));
            scene_expect(s, TRACTOR_EREMOTE);
            return scene_ask_registrar(s, "unregister_actor", scene_args("{'uid':%s}", victim));
        case 3:
            kit_assert_remote(s->last.err, "PermissionError");
            scene_expect(s, TRACTOR_EREMOTE);
            return scene_ask_registrar(s, "register_actor",
                                       scene_args("{'uid':%s,'addr':%s}", victim, scene_address(kit_fresh_address())));
        case 4:
            kit_assert_remote(s->last.err, "PermissionError");
            scene_expect(s, TRACTOR_EREMOTE);
            return scene_ask_registrar(s, "register_actor", scene_args("{'uid':%s,'addr':%s}", root, s->kept));
        case 5:
            kit_assert_remote(s->last.err, "PermissionError");
            return scene_ask_registrar(s, "delete_addr", scene_args("{'addr':%s}", s->kept));
        case 6:
            kit_assert_value(s->last.value, "n");
            scene_expect(s, TRACTOR_EREMOTE);
            return scene_ask_registrar(s, "register_actor",
                                       scene_args("{'uid':%s,'addr':%s}", root, scene_address(kit_registry())));
        case 7:
            kit_assert_remote(s->last.err, "PermissionError");
            return scene_ask_registrar(s, "delete_addr", scene_args("{'addr':%s}", scene_address(kit_registry())));
        case 8:
            kit_assert_value(s->last.value, "n");
            return scene_list(s, NULL);
        case 9:
            assert_names(s, "registrar root victim");
            return scene_start(s, "seeker");
        case 10:
            return scene_ask(s, 1, "find", "victim");
        case 11:
            assert_found(s, 0);
            return scene_end(s);
    }
}

static void X_34_only_the_owner_may_change_its_entry(void **state) {
    (void)state;
    play_with_registrar(only_the_owner);
}

/* Nobody lives at a reported address: whoever reports it, it is removed, and its owner is named. */
static void reported(scene *s) {
    switch (s->step++) {
        case 0:
            s->kept = scene_address(kit_fresh_address());
            return scene_ask_registrar(s, "register_actor", scene_args("{'uid':['ghost','g'],'addr':%s}", s->kept));
        case 1:
            return scene_list(s, NULL);
        case 2:
            assert_names(s, "registrar root ghost");
            return scene_ask_registrar(s, "delete_addr", scene_args("{'addr':%s}", s->kept));
        case 3:
            kit_assert_value(s->last.value, "[s,s]", "ghost", "g");
            return scene_list(s, NULL);
        case 4:
            assert_names(s, "registrar root");
            return scene_end(s);
    }
}

static void X_34_a_dead_address_is_removed_when_it_is_reported(void **state) {
    (void)state;
    play_with_registrar(reported);
}

/* ---- several registries, in any order; one that can't be reached among them ---- */

typedef struct registries {
    const char *first, *second, *nowhere;
    tractor_find_options options;
    const char *asked[3];
} registries;

static const tractor_find_options *among(scene *s, const char *one, const char *other) {
    registries *r = s->user;
    memcpy(r->asked, (const char *[]){ one, other, NULL }, sizeof r->asked);
    r->options = (tractor_find_options){ TRACTOR_FIND_OPTIONS, .registry_addrs = r->asked };
    return &r->options;
}

static void assert_second(const scene *s) {
    kit_assert_portal(s->last.portal);
    assert_string_equal(tractor_portal_id(s->last.portal)->name, "second");
}

static void several(scene *s) {
    registries *r = s->user;
    switch (s->step++) {
        case 0:
            return scene_find(s, "second", among(s, r->first, r->second));
        case 1:
            assert_second(s);
            return scene_find(s, "second", among(s, r->second, r->first));
        case 2:
            assert_second(s);
            return scene_find(s, "second", among(s, r->nowhere, r->second));
        case 3:
            assert_second(s);
            return scene_find(s, "second", among(s, r->second, r->nowhere));
        case 4:
            assert_second(s);
            return scene_wait(s, "second", among(s, r->first, r->second));
        case 5:
            assert_second(s);
            return scene_wait(s, "second", among(s, r->nowhere, r->second));
        case 6:
            assert_second(s);
            return scene_query(s, "second", among(s, r->first, r->second));
        case 7:
            kit_assert_value(s->last.value, "[s]", r->second);
            return scene_find(s, "nobody", among(s, r->first, r->second));
        case 8:
            assert_null(s->last.portal);
            scene_expect(s, TRACTOR_EREGISTRY);
            among(s, r->first, r->second);
            r->options.flags = TRACTOR_FIND_RAISE_ON_NONE;
            return scene_find(s, "nobody", &r->options);
        case 9:
            scene_expect(s, TRACTOR_EREGISTRY);
            return scene_find(s, "nobody", among(s, r->nowhere, r->first));
        /* We are a registrar too, but it is not us who is asked. */
        case 10:
            return scene_query(s, "root", among(s, r->first, NULL));
        case 11:
            kit_assert_value(s->last.value, "n");
            return scene_query(s, "root", NULL);
        case 12:
            kit_assert_value(s->last.value, "[s]", kit_registry());
            return scene_end(s);
    }
}

static void X_60_several_registries_in_any_order(void **state) {
    (void)state;
    registries r = { .first = kit_text("%s", kit_fresh_address()),
                     .second = kit_text("%s", kit_fresh_address()),
                     .nowhere = kit_text("%s", kit_fresh_address()) };
    other_root first = other_root_open(r.first, "first"), second = other_root_open(r.second, "second");
    scene_play(several, &r);
    other_root_end(&first, SIGINT);
    other_root_end(&second, SIGINT);
}

/* ---- searches that end without anybody ---- */

/* The wait came before this on the same connection. */
static void cancel_it(const tractor_error *err, const tractor_value *value, void *user) {
    scene *s = user;
    kit_assert_code(err, TRACTOR_OK);
    kit_assert_value(value, "n");
    assert_int_equal(tractor_op_cancel(kit_actor(), s->op), TRACTOR_OK);
}

static void ask_behind_it(const tractor_error *err, tractor_portal *registrar, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    tractor_portal_run_from_ns(registrar, NULL, "self", "find_actor", TRACTOR_ARGS("{s:s}", "name", "nobody"), NULL,
                               cancel_it, user);
}

static void in_vain(scene *s) {
    const tractor_find_options soon = within_ms(50);
    switch (s->step++) {
        case 0:
            scene_expect(s, TRACTOR_ETIMEDOUT);
            return scene_wait(s, "nobody", &soon);
        case 1:
            scene_expect(s, TRACTOR_ECANCELED);
            scene_wait(s, "nobody", NULL);
            tractor_get_registry(s->root, NULL, NULL, ask_behind_it, s);
            return;
        case 2:
            return scene_find(s, "nobody", &soon);
        case 3:
            assert_null(s->last.portal);
            return scene_query(s, "nobody", NULL);
        case 4:
            kit_assert_value(s->last.value, "n");
            return scene_end(s);
    }
}

static void a_search_in_vain(void **state) {
    (void)state;
    play_with_registrar(in_vain);
}

/* ---- query_actor: where, the nearest first, and nobody is connected ---- */

static void query(scene *s) {
    raw_listener *listener = s->user;
    const char *first, *second;
    switch (s->step++) {
        case 0:
            return scene_start_with(
                s, "both",
                (tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .enable_transports = kit_text(
                                                                    "%s,%s", kit_transport(),
                                                                    strcmp(kit_transport(), "tcp") ? "tcp" : "uds") });
        case 1:
            return scene_query(s, "both", NULL);
        case 2:
            assert_int_equal(tractor_unpack(s->last.value, "[s,s]", &first, &second), TRACTOR_OK);
            assert_int_equal(strncmp(first, "/unix/", 6), 0);
            assert_int_equal(strncmp(second, "/ip4/127.0.0.1/tcp/", 19), 0);
            return scene_ask_registrar(
                s, "register_actor", scene_args("{'uid':['quiet','q'],'addr':%s}", scene_address(listener->multiaddr)));
        case 3:
            return scene_query(s, "quiet", NULL);
        case 4: {
            struct pollfd caller = { listener->fd, POLLIN, 0 };
            kit_assert_value(s->last.value, "[s]", listener->multiaddr);
            assert_int_equal(poll(&caller, 1, 0), 0);
            return scene_end(s);
        }
    }
}

static void query_actor_connects_to_nobody(void **state) {
    (void)state;
    raw_listener listener;
    assert_true(raw_listen(&listener, kit_fresh_address()));
    scene_play(query, &listener);
    raw_unlisten(&listener);
}

/* ---- MUL-05: the root of a tree, whoever keeps its registry ---- */

static void on_root(const tractor_error *err, tractor_portal *portal, void *user) {
    scene *s = user;
    kit_assert_code(err, TRACTOR_OK);
    assert_string_equal(tractor_portal_id(portal)->uuid, tractor_actor_id(kit_actor())->uuid);
    scene_go(s);
}

static void get_root(scene *s) {
    switch (s->step++) {
        case 0:
            tractor_get_root(s->root, NULL, on_root, s);
            return;
        case 1:
            return scene_start(s, "child");
        case 2:
            return scene_ask(s, 0, "root", NULL);
        case 3:
            kit_assert_value(s->last.value, "s", tractor_actor_id(kit_actor())->uuid);
            return scene_ask(s, 0, "grandchild_root", NULL);
        case 4:
            kit_assert_value(s->last.value, "s", tractor_actor_id(kit_actor())->uuid);
            return scene_end(s);
    }
}

static void MUL_05_everybody_finds_its_root(void **state) {
    (void)state;
    play_with_registrar(get_root);
}

static void a_registrar_is_found_as_the_root(void **state) {
    (void)state;
    scene_play(get_root, NULL);
}

int main(int argc, char **argv) {
    seeker_register();
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(X_30_the_connected_are_found_without_asking),
        KIT_TEST(X_30_the_registered_are_connected),
        KIT_TEST(X_29_a_dead_namesake_hides_nobody),
        KIT_TEST(X_31_whom_one_waited_for_leaves_at_once),
        KIT_TEST(X_33_an_address_nobody_can_be_reached_at_is_refused),
        KIT_TEST(X_34_only_the_owner_may_change_its_entry),
        KIT_TEST(X_34_a_dead_address_is_removed_when_it_is_reported),
        KIT_TEST(X_60_several_registries_in_any_order),
        KIT_TEST(a_search_in_vain),
        KIT_TEST(query_actor_connects_to_nobody),
        KIT_TEST(MUL_05_everybody_finds_its_root),
        KIT_TEST(a_registrar_is_found_as_the_root),
    };
    return kit_run_tests(tests);
}
