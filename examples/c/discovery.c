/* Who keeps the registry, and where an actor is of which only the name is known. */
#include <stdio.h>

#include <tractor.h>

static void on_librarian(const tractor_error *err, tractor_portal *librarian, void *nursery) {
    if (err) {
        tractor_nursery_fail(nursery, err);
        return;
    }
    printf("%s is at %s\n", tractor_portal_id(librarian)->name, tractor_portal_address(librarian));
    tractor_nursery_cancel(nursery, "seen");
}

static void on_registry(const tractor_error *err, tractor_portal *registry, void *nursery) {
    if (err)
        tractor_nursery_fail(nursery, err);
    else
        printf("%s keeps the registry at %s\n", tractor_portal_id(registry)->name,
               tractor_actor_registry_address(tractor_nursery_actor(nursery), 0));
}

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    tractor_get_registry(nursery, NULL, NULL, on_registry, nursery);
    /* It waits until somebody of that name has registered. */
    tractor_wait_for_actor(nursery, "librarian", NULL, on_librarian, nursery);
    tractor_nursery_start_actor(nursery, "librarian", NULL, NULL, NULL);
}

int main(int argc, char **argv) { return tractor_main(argc, argv, NULL, root, NULL); }
