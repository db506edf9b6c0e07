/* run_test --name NAME --timeout SECONDS -- PROGRAM [ARGUMENT...]
 *
 * Runs one test in a place of its own and fails if the test leaves anything behind.
 *
 * The program gets an empty TMPDIR and XDG_RUNTIME_DIR, a session of its own, no input and no TRACTOR_ variables but
 * the TRACTOR_TEST_ ones. Afterwards no socket file may be left in its folders and no process of its making may be
 * alive. Those are found in two ways, since either alone can be escaped: run_test is a subreaper, so whatever the test
 * started stays its descendant, and TRACTOR_TEST_ID in a process's environment names the test it came from. Being a
 * subreaper it also collects orphans, which in a container often nobody does.
 *
 * Sanitizers are told to report into files of the test's folder: so a report of any of its processes is found, also of one
 * whose exit status nobody looks at.
 *
 * Exit status: the program's; 128 + n if signal n ended it; 70 if something was left behind, 71 if there is a report of a
 * sanitizer; 124 if it took too long.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { LEFT_BEHIND = 70, REPORTED = 71, TOO_LONG = 124, MAX_PROCESSES = 4096 };

static const char *test_name = "?";
static char marker[256];
static char folder[64];
static pid_t main_pid;
static int main_status = -1;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "run_test: %s: ", test_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static void die(const char *what) {
    say("%s: %s", what, strerror(errno));
    exit(LEFT_BEHIND);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what is alive ---- */

typedef struct process {
    pid_t pid, parent;
    char state;
    bool ours;
} process;

static process processes[MAX_PROCESSES];
static size_t process_count;

/* Reads a file of /proc; returns its length, 0 if the process is gone. */
static size_t read_proc(pid_t pid, const char *file, char *buffer, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t length = 0;
    while (length < size - 1) {
        ssize_t n = read(fd, buffer + length, size - 1 - length);
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    close(fd);
    buffer[length] = '\0';
    return length;
}

static bool carries_marker(pid_t pid) {
    static char environment[256 * 1024];
    size_t length = read_proc(pid, "environ", environment, sizeof environment);
    return length > 0 && memmem(environment, length, marker, strlen(marker) + 1) != NULL;
}

static bool has_our_parent(const process *p) {
    if (p->parent == getpid())
        return true;
    for (size_t i = 0; i < process_count; i++)
        if (processes[i].pid == p->parent)
            return processes[i].ours;
    return false;
}

/* Fills `processes` and says how many of them came from the test and live. */
static size_t find_ours(void) {
    char line[512];
    process_count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        die("/proc");
    for (struct dirent *entry; (entry = readdir(proc)) && process_count < MAX_PROCESSES;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 0 || pid == getpid() || read_proc(pid, "stat", line, sizeof line) == 0)
            continue;
        const char *after_name = strrchr(line, ')'); /* the name itself may hold anything */
        process p = { .pid = pid };
        int parent;
        if (!after_name || sscanf(after_name + 1, " %c %d", &p.state, &parent) != 2)
            continue;
        p.parent = (pid_t)parent;
        p.ours = carries_marker(pid);
        processes[process_count++] = p;
    }
    closedir(proc);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < process_count; i++)
            if (!processes[i].ours && has_our_parent(&processes[i]))
                changed = processes[i].ours = true;
    }
    size_t alive = 0;
    for (size_t i = 0; i < process_count; i++) {
        processes[i].ours = processes[i].ours && processes[i].state != 'Z' && processes[i].state != 'X';
        alive += processes[i].ours;
    }
    return alive;
}

static void describe_ours(void) {
    char command[512], wait_channel[64];
    for (size_t i = 0; i < process_count; i++) {
        if (!processes[i].ours)
            continue;
        size_t length = read_proc(processes[i].pid, "cmdline", command, sizeof command);
        for (size_t j = 0; j + 1 < length; j++)
            if (command[j] == '\0')
                command[j] = ' ';
        read_proc(processes[i].pid, "wchan", wait_channel, sizeof wait_channel);
        say("  pid %d, parent %d, state %c in %s: %s", (int)processes[i].pid, (int)processes[i].parent,
            processes[i].state, wait_channel[0] ? wait_channel : "?", length ? command : "?");
    }
}

static void reap(void) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == main_pid)
            main_status = status;
}

static void nap(int64_t ms) {
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static void kill_ours(void) {
    for (int64_t end = now_ms() + 5000; find_ours() > 0 && now_ms() < end; nap(5)) {
        for (size_t i = 0; i < process_count; i++)
            if (processes[i].ours)
                kill(processes[i].pid, SIGKILL);
        reap();
    }
    reap();
}

/* ---- the folders ---- */

static size_t sockets_left, reports;

static int find_socket(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)type, (void)walk;
    if (S_ISSOCK(st->st_mode)) {
        say("left a socket file: %s", path + strlen(folder) + 1);
        sockets_left++;
    }
    return 0;
}

static const char report_name[] = "sanitizer"; /* the sanitizer adds ".PID" */

static int find_report(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st;
    if (type != FTW_F || strncmp(path + walk->base, report_name, strlen(report_name)) != 0)
        return 0;
    say("a sanitizer reports:");
    reports++;
    char text[4096];
    FILE *file = fopen(path, "re");
    for (size_t n; file && (n = fread(text, 1, sizeof text, file)) > 0;)
        fwrite(text, 1, n, stderr);
    if (file)
        fclose(file);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st, (void)type, (void)walk;
    if (remove(path) != 0)
        say("cannot remove %s: %s", path, strerror(errno));
    return 0;
}

static void make_folders(void) {
    /* A socket's path is limited to 107 bytes, so a long TMPDIR of the caller is not used. */
    const char *base = getenv("TMPDIR");
    if (!base || base[0] != '/' || strlen(base) > 24 || access(base, W_OK | X_OK) != 0)
        base = "/tmp";
    snprintf(folder, sizeof folder, "%s/tt-XXXXXX", base);
    if (!mkdtemp(folder))
        die(folder);
    char path[sizeof folder + 8];
    snprintf(path, sizeof path, "%s/tmp", folder);
    if (mkdir(path, 0700) != 0)
        die(path);
    setenv("TMPDIR", path, 1);
    snprintf(path, sizeof path, "%s/run", folder);
    if (mkdir(path, 0700) != 0)
        die(path);
    setenv("XDG_RUNTIME_DIR", path, 1);
}

static void clear_environment(void) {
    for (size_t i = 0; environ[i];) {
        char name[128];
        size_t length = strcspn(environ[i], "=");
        if (strncmp(environ[i], "TRACTOR_", 8) == 0 && strncmp(environ[i], "TRACTOR_TEST_", 13) != 0 &&
            length < sizeof name) {
            memcpy(name, environ[i], length);
            name[length] = '\0';
            unsetenv(name);
        } else {
            i++;
        }
    }
}

static void direct_reports(void) {
    const char *sanitizers[] = { "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS" };
    for (size_t i = 0; i < sizeof sanitizers / sizeof sanitizers[0]; i++) {
        const char *before = getenv(sanitizers[i]);
        char options[4096];
        snprintf(options, sizeof options, "%s%slog_path=%s/%s", before ? before : "", before ? ":" : "", folder,
                 report_name);
        setenv(sanitizers[i], options, 1);
    }
}

/* ---- the run ---- */

static void start(char **argv, const sigset_t *caller_mask) {
    main_pid = fork();
    if (main_pid < 0)
        die("fork");
    if (main_pid > 0)
        return;
    setsid();
    const struct rlimit no_core = { 0, 0 }; /* tests crash processes on purpose */
    setrlimit(RLIMIT_CORE, &no_core);
    int null = open("/dev/null", O_RDONLY);
    if (null > 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    sigprocmask(SIG_SETMASK, caller_mask, NULL);
    execvp(argv[0], argv);
    say("%s: %s", argv[0], strerror(errno));
    _exit(127);
}

/* Waits for the program; the answer is 0, or the signal that told run_test to stop, or -1: time is over. */
static int wait_for_main(const sigset_t *signals, int64_t deadline) {
    while (main_status < 0) {
        int64_t left = deadline - now_ms();
        if (left <= 0)
            return -1;
        struct timespec t = { left / 1000, left % 1000 * 1000000 };
        int signal = sigtimedwait(signals, NULL, &t);
        if (signal > 0 && signal != SIGCHLD)
            return signal;
        reap();
    }
    return 0;
}

/* A process that is just going may take a moment; anything slower outlived its owner. */
static bool nothing_runs(int64_t grace_ms) {
    int64_t end = now_ms() + grace_ms;
    for (;; nap(5)) {
        reap();
        if (find_ours() == 0)
            return true;
        if (now_ms() >= end)
            return false;
    }
}

static int exit_status(void) {
    if (WIFSIGNALED(main_status)) {
        say("killed by signal %d, %s", WTERMSIG(main_status), strsignal(WTERMSIG(main_status)));
        return 128 + WTERMSIG(main_status);
    }
    int code = WEXITSTATUS(main_status);
    const char *sanitizer = code == 66   ? "the address or leak sanitizer"
                            : code == 67 ? "the undefined behaviour sanitizer"
                            : code == 68 ? "the thread sanitizer"
                                         : NULL;
    if (sanitizer)
        say("exit status %d: a report of %s", code, sanitizer);
    return code;
}

int main(int argc, char **argv) {
    long timeout = 60;
    int i = 1;
    for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--name") == 0)
            test_name = argv[i + 1];
        else if (strcmp(argv[i], "--timeout") == 0)
            timeout = strtol(argv[i + 1], NULL, 10);
        else
            break;
    }
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0 || timeout <= 0) {
        fprintf(stderr, "usage: run_test --name NAME --timeout SECONDS -- PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    const char *headroom_text = getenv("TRACTOR_TEST_HEADROOM");
    long headroom = headroom_text ? strtol(headroom_text, NULL, 10) : 1;
    if (headroom < 1)
        headroom = 1;

    make_folders();
    clear_environment();
    direct_reports();
    char id[sizeof marker - 16];
    snprintf(id, sizeof id, "%s.%d.%lld", test_name, (int)getpid(), (long long)now_ms());
    snprintf(marker, sizeof marker, "TRACTOR_TEST_ID=%s", id);
    setenv("TRACTOR_TEST_ID", id, 1);

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigset_t signals, caller_mask;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &caller_mask);
    start(argv + i + 1, &caller_mask);

    int result = 0;
    int why = wait_for_main(&signals, now_ms() + timeout * 1000);
    if (why != 0) {
        find_ours();
        if (why < 0)
            say("not done after %ld s; what runs:", timeout);
        else
            say("told to stop by signal %d; what runs:", why);
        describe_ours();
        kill_ours();
        result = why < 0 ? TOO_LONG : 128 + why;
    } else {
        result = exit_status();
        if (!nothing_runs(250 * headroom)) {
            say("left processes behind:");
            describe_ours();
            kill_ours();
            result = result ? result : LEFT_BEHIND;
        }
    }
    nftw(folder, find_socket, 16, FTW_PHYS);
    if (sockets_left > 0 && result == 0)
        result = LEFT_BEHIND;
    nftw(folder, find_report, 16, FTW_PHYS);
    if (reports > 0 && result == 0)
        result = REPORTED;
    nftw(folder, remove_one, 16, FTW_PHYS | FTW_DEPTH);
    return result;
}
