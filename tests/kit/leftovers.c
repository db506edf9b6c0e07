/* What a test may leave behind: descriptors, threads, processes, socket files. */
#include "kit/kit_impl.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static char *append(char *text, const char *more) {
    size_t length = text ? strlen(text) : 0;
    text = realloc(text, length + strlen(more) + 2);
    sprintf(text + length, "%s\n", more);
    return text;
}

/* "fd file target" of each, one a line; whoever started us may rename a file that we inherited. */
static char *descriptors(void) {
    char *all = append(NULL, "descriptors:");
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char path[300], target[256], line[600];
        struct stat st = { 0 };
        int fd = atoi(e->d_name);
        if (e->d_name[0] == '.' || fd == dirfd(folder))
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        fstat(fd, &st);
        snprintf(line, sizeof line, "%d %llu:%llu %s", fd, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
                 target);
        all = append(all, line);
    }
    if (folder)
        closedir(folder);
    return all;
}

static int threads(pid_t pid) {
    int count = 0;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));)
        count += e->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

kit_belongings kit_look(void) {
    kit_belongings now = { descriptors(), threads(getpid()) };
    return now;
}

static void nap_ms(long ms) {
    struct timespec t = { 0, ms * 1000000 };
    nanosleep(&t, NULL);
}

char *kit_leftovers(const kit_belongings *before) {
    char *left = NULL;
    char *now = descriptors();
    char *next = NULL;
    for (char *line = strtok_r(now, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
        int fd;
        unsigned long long device, file;
        if (sscanf(line, "%d %llu:%llu", &fd, &device, &file) != 3)
            continue;
        char known[100];
        snprintf(known, sizeof known, "\n%d %llu:%llu ", fd, device, file);
        if (!strstr(before->descriptors, known)) {
            char text[760];
            snprintf(text, sizeof text, "descriptor %s", line);
            left = append(left, text);
        }
    }
    free(now);
    /* A thread that was joined is still listed for a moment. */
    int count = threads(getpid());
    for (int i = 0; i < 1000 && count > before->threads; i++, count = threads(getpid()))
        nap_ms(1);
    if (count > before->threads) {
        char text[80];
        snprintf(text, sizeof text, "%d more thread(s) than before", count - before->threads);
        left = append(left, text);
    }
    siginfo_t child = { 0 };
    if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0) {
        char text[160];
        snprintf(text, sizeof text, child.si_pid ? "zombie %d" : "a child process that runs", (int)child.si_pid);
        left = append(left, text);
        char *running = kit_descendants();
        if (running)
            left = append(left, running);
        free(running);
    }
    char *sockets = kit_socket_files();
    if (sockets)
        left = append(left, sockets);
    free(sockets);
    return left;
}

static size_t read_proc(int pid, const char *file, char *to, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(to, 1, size - 1, f) : 0;
    if (f)
        fclose(f);
    to[n] = '\0';
    return n;
}

static int parent_of(int pid, char *state) {
    char line[512];
    int parent = 0;
    if (!read_proc(pid, "stat", line, sizeof line) || !strrchr(line, ')') ||
        sscanf(strrchr(line, ')') + 1, " %c %d", state, &parent) != 2)
        return 0;
    return parent;
}

static char *each_descendant(int signal_to_send) {
    char *all = NULL;
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc && (e = readdir(proc));) {
        int pid = atoi(e->d_name);
        char state = '?', ignored;
        if (pid <= 0 || pid == getpid())
            continue;
        int ancestor = parent_of(pid, &state);
        for (int steps = 0; ancestor > 1 && ancestor != getpid() && steps < 64; steps++)
            ancestor = parent_of(ancestor, &ignored);
        if (ancestor != getpid())
            continue;
        if (signal_to_send)
            kill(pid, signal_to_send);
        char command[256], channel[64], text[512];
        size_t n = read_proc(pid, "cmdline", command, sizeof command);
        for (size_t i = 0; i + 1 < n; i++)
            if (command[i] == '\0')
                command[i] = ' ';
        read_proc(pid, "wchan", channel, sizeof channel);
        snprintf(text, sizeof text, "pid %d, state %c in %s: %s", pid, state, channel, command);
        all = append(all, text);
    }
    if (proc)
        closedir(proc);
    return all;
}

char *kit_descendants(void) { return each_descendant(0); }
void kit_kill_descendants(void) { free(each_descendant(SIGKILL)); }

static char *sockets_found;
static int find_socket(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)type, (void)walk;
    if (S_ISSOCK(st->st_mode))
        sockets_found = append(sockets_found, path);
    return 0;
}

char *kit_socket_files(void) {
    sockets_found = NULL;
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (folder)
        nftw(folder, find_socket, 16, FTW_PHYS);
    return sockets_found;
}

void kit_remove_socket_files(void) {
    char *found = kit_socket_files(), *next = NULL;
    for (char *path = found ? strtok_r(found, "\n", &next) : NULL; path; path = strtok_r(NULL, "\n", &next))
        unlink(path);
    free(found);
}

static void rest(void *user) {
    (void)user;
    nap_ms(1);
}

bool kit_wait_until(bool (*is_so)(void *user), void (*between)(void *user), void *user) {
    const int64_t end = tractor_now() + 5 * TRACTOR_SECOND * kit_headroom();
    while (!is_so(user)) {
        if (tractor_now() >= end)
            return false;
        (between ? between : rest)(user);
    }
    return true;
}

typedef struct process {
    int64_t pid;
    const char *states;
} process;
static bool is_in_state(void *user) {
    const process *p = user;
    char state = 'X';
    parent_of((int)p->pid, &state);
    /* While its other threads die, as those of a sanitizer do, the first one is a zombie that nobody can wait for. */
    return strchr(p->states, state) && (state != 'Z' || threads((pid_t)p->pid) <= 1);
}
bool kit_wait_state(int64_t pid, const char *states) {
    return kit_wait_until(is_in_state, NULL, &(process){ pid, states });
}

static bool is_there(void *path) { return access(path, F_OK) == 0; }
bool kit_wait_file(const char *path) { return kit_wait_until(is_there, NULL, (void *)(uintptr_t)path); }
