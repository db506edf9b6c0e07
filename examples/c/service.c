/* A daemon that serves by name, and a program that calls it: two roots that only share a registrar.
 *
 *     service serve       until somebody cancels it, or Ctrl-C
 *     service ask 97      any number of times meanwhile; so does `tractor call oracle oracle.ask n=97`
 *     service             both: it starts the daemon, asks it, and ends it
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <tractor.h>

extern char **environ;

/* --- the daemon --------------------------------------------------------------------------- */

static int asked; /* state of a service is ordinary state of its process */

static void ask(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int64_t n;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I}", "n", &n) ==
        TRACTOR_OK) /* else the caller gets a TypeError that names n */
        tractor_ctx_return(ctx, "{s:s,s:i}", "answer", n % 2 ? "odd" : "even", "count", ++asked);
}
static const tractor_endpoint oracle[] = { TRACTOR_FUNC("ask", ask), TRACTOR_ENDPOINTS_END };

static int serve(int argc, char **argv) {
    static const char *const modules[] = { "oracle", NULL };
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .name = "oracle", .enable_modules = modules };
    return tractor_run_daemon(argc, argv, &options);
}

/* --- its client --------------------------------------------------------------------------- */

typedef struct {
    tractor_nursery *nursery;
    tractor_portal *oracle;
    int64_t n;
    int questions; /* left to ask, each about the next number */
    bool ends_it;  /* the daemon, after the last one */
} client;

static void put_question(client *c);

static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    client *c = user;
    const char *answer;
    int count;
    if (err) {
        tractor_nursery_fail(c->nursery, err);
        return;
    }
    if (tractor_unpack(value, "{s:s,s:i}", "answer", &answer, "count", &count) == TRACTOR_OK)
        printf("%lld is %s, says the oracle in answer %d\n", (long long)c->n, answer, count);
    c->n++;
    put_question(c);
}

static void put_question(client *c) {
    if (c->questions-- > 0)
        tractor_portal_run(c->oracle, NULL, "oracle", "ask", TRACTOR_ARGS("{s:I}", "n", c->n), NULL, on_answer, c);
    else if (c->ends_it)
        tractor_portal_cancel_actor(c->oracle, NULL, NULL, NULL, NULL);
}

static void on_oracle(const tractor_error *err, tractor_portal *portal, void *user) {
    client *c = user;
    if (err) {
        tractor_nursery_fail(c->nursery, err);
        return;
    }
    c->oracle = portal;
    put_question(c);
}

static void find_oracle(tractor_nursery *nursery, void *user) {
    client *c = user;
    tractor_find_options patience = { TRACTOR_FIND_OPTIONS, .timeout_ns = 10 * TRACTOR_SECOND };
    c->nursery = nursery;
    tractor_wait_for_actor(nursery, "oracle", &patience, on_oracle, c);
}

static int run_client(int argc, char **argv, client *c) {
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .name = "client" };
    return tractor_main(argc, argv, &options, find_oracle, c);
}

/* --- both --------------------------------------------------------------------------------- */

static int demonstrate(int argc, char **argv) {
    client c = { .n = 41, .questions = 2, .ends_it = true };
    char *const daemon[] = { argv[0], "serve", NULL };
    pid_t pid;
    int status;
    if (posix_spawn(&pid, argv[0], NULL, NULL, daemon, environ) != 0)
        return EXIT_FAILURE;
    int failed = run_client(argc, argv, &c);
    if (failed)
        kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    printf("the daemon has ended with status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return failed;
}

int main(int argc, char **argv) {
    tractor_register("oracle", oracle, NULL);
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        return serve(argc, argv);
    if (argc == 3 && strcmp(argv[1], "ask") == 0)
        return run_client(argc, argv, &(client){ .n = atoll(argv[2]), .questions = 1 });
    return demonstrate(argc, argv);
}
