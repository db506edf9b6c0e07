/* A child that is no actor of ours: it speaks the protocol byte by byte, as a Python child does, and stops wherever it is
 * told to. Its own arguments come before the standard flags:
 *
 *     foreign STEP HOW --uid "('name', 'uuid')" --parent_addr "('host', port)" --loglevel level
 *
 * STEP is how far it gets: before_connect, before_aid, before_spec, before_load, before_register, in_register, before_ready,
 * or serve. A step with "native_" before it says that it knows our extension, and waits to be asked whether it is ready.
 * HOW: exit2, exit0, abort, segv, kill, hang (silent for ever), close or shutdown (its connection, and lives on),
 * garbage, again (connects for nothing first, and then goes on).
 */
#include "robust/raw_value.c"
/* One file after the other: programs are built from a single source. */
#include "robust/raw_peer.c"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static raw_arena arena;
static raw_peer *parent;
static const char *step, *how;
static char name[64], uuid[64];
static raw_listener own;

static void fail(const char *what) {
    fprintf(stderr, "foreign: %s\n", what);
    exit(9);
}
#define NEED(condition)       \
    do {                      \
        if (!(condition))     \
            fail(#condition); \
    } while (0)

static void end_here(void) {
    fprintf(stderr, "foreign: the line before the last\nforeign: ending by %s at %s\n", how, step);
    if (strcmp(how, "exit2") == 0)
        _exit(2);
    if (strcmp(how, "exit0") == 0)
        _exit(0);
    signal(SIGABRT, SIG_DFL);
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would make an exit of it */
    if (strcmp(how, "abort") == 0)
        kill(getpid(), SIGABRT);
    if (strcmp(how, "segv") == 0)
        kill(getpid(), SIGSEGV);
    if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(how, "garbage") == 0 && parent)
        raw_write(parent, "GET / HTTP/1.1\r\n\r\n", 18);
    if (strcmp(how, "close") == 0 && parent) {
        raw_receive(
            parent,
            100); /* over TCP nobody can be told from whom a connection is that was closed before it was accepted */
        close(parent->fd);
    }
    if (strcmp(how, "shutdown") == 0 && parent)
        shutdown(parent->fd, SHUT_RDWR);
    for (;;)
        pause();
}

static void reach(const char *here) {
    if (strcmp(strncmp(step, "native_", 7) == 0 ? step + 7 : step, here) == 0)
        end_here();
}

static const char *flag(int argc, char **argv, const char *wanted) {
    for (int i = 3; i + 1 < argc; i += 2)
        if (strcmp(argv[i], wanted) == 0)
            return argv[i + 1];
    return NULL;
}

static raw_peer *dial_registrar(const char *address) {
    raw_peer *p = raw_open(address, name);
    NEED(p);
    memcpy(p->uuid, parent->uuid, sizeof p->uuid);
    NEED(raw_greet(p));
    return p;
}

static void tell_registrars(const raw_node *spec, const char *func, const char *kwargs) {
    const raw_node *addrs = raw_get(spec, "reg_addrs");
    for (size_t i = 0; i < addrs->count; i++) {
        raw_peer *p = dial_registrar(raw_multiaddr(&arena, &addrs->items[i]));
        const char *cid = raw_start(p, "self", func, kwargs);
        reach("in_register");
        NEED(raw_expect(p, "StartAck", cid));
        const raw_node *answer = raw_expect(p, "Return", cid);
        NEED(answer && raw_get(answer, "pld")->kind == RAW_NIL);
        raw_close(p);
    }
}

/* All ten variables, and nothing that an older child would not understand. */
static void check_spec(const raw_node *spec) {
    static const char *const fields[] = { "msg_type",       "_parent_main_data", "_runtime_vars",
                                          "enable_modules", "reg_addrs",         "bind_addrs" };
    static const char *const vars[] = { "_is_root",        "_root_mailbox",   "_root_addrs",  "_enable_tpts",
                                        "_registry_addrs", "_debug_mode",     "repl_fixture", "use_greenback",
                                        "use_stackscope",  "_is_infected_aio" };
    NEED(strcmp(raw_str(spec, "msg_type"), "SpawnSpec") == 0 && spec->count == 6);
    for (size_t i = 0; i < 6; i++)
        NEED(strcmp(spec->items[2 * i].s, fields[i]) == 0);
    const raw_node *table = raw_get(spec, "_runtime_vars");
    NEED(table->count == 10);
    for (size_t i = 0; i < 10; i++)
        NEED(strcmp(table->items[2 * i].s, vars[i]) == 0);
    NEED(raw_get(table, "_is_root")->kind == RAW_BOOL && raw_get(table, "_is_root")->i == 0);
    NEED(raw_get(table, "_debug_mode")->kind == RAW_BOOL && raw_get(table, "_is_infected_aio")->kind == RAW_BOOL);
    NEED(raw_get(table, "_root_mailbox")->count == 2 && raw_get(table, "_root_addrs")->count > 0);
    NEED(raw_get(spec, "_parent_main_data")->kind == RAW_MAP && raw_get(spec, "_parent_main_data")->count == 0);
}

/* Tasks that wait for a cancel: one is enough. */
static char sleeping[64];

/* The functions of module "eps". False: the actor was cancelled. */
static bool serve(const raw_node *start) {
    const char *cid = raw_str(start, "cid"), *ns = raw_str(start, "ns"), *func = raw_str(start, "func");
    const raw_node *kwargs = raw_get(start, "kwargs");
    NEED(strcmp(raw_str(start, "msg_type"), "Start") == 0);
    NEED(strcmp(raw_str(start, "pld_spec"), "typing.Any") == 0);
    if (strcmp(ns, "self") == 0) {
        NEED(strcmp(func, "_ready") != 0 || parent->native); /* an unknown name would end a Python actor */
        NEED(strcmp(func, "cancel") == 0 || strcmp(func, "_cancel_task") == 0 || strcmp(func, "_ready") == 0);
        raw_send_ack(parent, cid, "asyncfunc");
        if (strcmp(func, "_ready") == 0) {
            raw_send_return(parent, cid, "nil");
            return true;
        }
        if (sleeping[0]) {
            raw_send_error(parent, sleeping, "ContextCancelled", parent);
            sleeping[0] = '\0';
        }
        raw_send_cancel_ack(parent, cid);
        return strcmp(func, "cancel") != 0;
    }
    NEED(strcmp(ns, "eps") == 0);
    if (strcmp(func, "missing") == 0) {
        raw_send_error(parent, cid, "AttributeError", NULL);
        return true;
    }
    raw_send_ack(parent, cid, strcmp(func, "context") == 0 ? "context" : "asyncfunc");
    if (strcmp(func, "echo") == 0)
        raw_send_return(parent, cid, raw_show(&arena, kwargs));
    else if (strcmp(func, "fail") == 0)
        raw_send_error(parent, cid, "ValueError", NULL);
    else if (strcmp(func, "sleep_forever") == 0)
        snprintf(sleeping, sizeof sleeping, "%s", cid);
    else if (strcmp(func, "ignore_cancel") == 0)
        ; /* never answered */
    else if (strcmp(func, "no_pld") == 0)
        raw_send(parent, "{'msg_type':'Return','cid':'%s'}", cid);
    else if (strcmp(func, "yield") == 0)
        raw_send(parent, "{'msg_type':'Yield','cid':'%s','pld':1}", cid);
    else if (strcmp(func, "twice") == 0 && raw_send_return(parent, cid, "1"))
        raw_send_return(parent, cid, "2");
    else if (strcmp(func, "report_failure") == 0)
        raw_send_error(parent, NULL, "RuntimeError", NULL);
    else if (strcmp(func, "die") == 0)
        end_here();
    return true;
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    NEED(argc >= 3);
    step = argv[1];
    how = argv[2];
    const char *uid_text = flag(argc, argv, "--uid"), *parent_text = flag(argc, argv, "--parent_addr");
    NEED(uid_text && parent_text && flag(argc, argv, "--loglevel") && !flag(argc, argv, "--asyncio"));
    const raw_node *uid = raw_parse(&arena, uid_text), *at = raw_parse(&arena, parent_text);
    NEED(uid && uid->count == 2 && at && at->count == 2);
    snprintf(name, sizeof name, "%s", uid->items[0].s);
    snprintf(uuid, sizeof uuid, "%s", uid->items[1].s);
    NEED(strlen(uuid) == 36);

    reach("before_connect");
    if (strcmp(how, "again") == 0) {
        parent = raw_open(raw_multiaddr(&arena, at), name);
        NEED(parent);
        raw_close(parent);
    }
    parent = raw_open(raw_multiaddr(&arena, at), name);
    NEED(parent);
    memcpy(parent->uuid, uuid, 37);
    parent->native = strncmp(step, "native_", 7) == 0;
    reach("before_aid");
    if (!parent->native) { /* a Python child takes its time */
        struct timespec t = { 0, 20 * 1000000 };
        nanosleep(&t, NULL);
    }
    NEED(raw_send_aid(parent));
    reach("before_spec");
    NEED(raw_receive_aid(parent, RAW_WAIT));
    const raw_node *spec = raw_receive(parent, raw_patience(RAW_WAIT));
    NEED(spec);
    check_spec(spec);
    reach("before_load");
    const raw_node *transports = raw_get(raw_get(spec, "_runtime_vars"), "_enable_tpts");
    NEED(transports->count == 1);
    bool tcp = strcmp(transports->items[0].s, "tcp") == 0;
    const char *folder = raw_format(&arena, "%s/tractor", getenv("XDG_RUNTIME_DIR"));
    mkdir(folder, 0700);
    NEED(raw_listen(
        &own, tcp ? "/ip4/127.0.0.1/tcp/0" : raw_format(&arena, "/unix%s/%s@%d.sock", folder, name, (int)getpid())));
    reach("before_register");
    tell_registrars(spec, "register_actor",
                    raw_format(&arena, "{'uid':['%s','%s'],'addr':%s}", raw_quoted(&arena, name), uuid,
                               raw_wire_address(&arena, own.multiaddr)));
    reach("before_ready");
    const raw_node *start;
    do {
        start = raw_receive(parent, 1000 * 1000);
        if (!start && parent->state == RAW_EOF)
            break;
        NEED(start);
    } while (serve(start));
    raw_unlisten(&own);
    if (start)
        tell_registrars(spec, "unregister_actor",
                        raw_format(&arena, "{'uid':['%s','%s']}", raw_quoted(&arena, name), uuid));
    raw_close(parent);
    raw_release(&arena);
    return 0;
}
