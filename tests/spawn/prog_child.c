/* What the spawn tests start. Everything it has to say goes to stderr: prog_child VERB [ARGUMENT...] */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void print_fds(void) {
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(dir)) {
            fprintf(stderr, "fd %d\n", fd);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

static void print_state(void) {
    char line[256], folder[4096];
    int deathsig = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "Sig", 3) == 0) {
            fputs(line, stderr);
        }
    }
    if (f) {
        fclose(f);
    }
    prctl(PR_GET_PDEATHSIG, &deathsig);
    fprintf(stderr, "pdeathsig %d\ncwd %s\n", deathsig, getcwd(folder, sizeof folder));
}

int main(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "exit") == 0) {
        return atoi(argv[2]);
    } else if (strcmp(verb, "raise") == 0) {
        raise(atoi(argv[2]));
    } else if (strcmp(verb, "say") == 0) {
        fputs(argv[2], stderr);
    } else if (strcmp(verb, "args") == 0) {
        for (int i = 0; i < argc; i++) {
            fprintf(stderr, "<%s>", argv[i]);
        }
    } else if (strcmp(verb, "getenv") == 0) {
        const char *value = getenv(argv[2]);
        fprintf(stderr, "%s=%s", argv[2], value ? value : "(unset)");
    } else if (strcmp(verb, "lines") == 0) {
        for (int i = 0; i < atoi(argv[2]); i++) {
            fprintf(stderr, "line %d of the child\n", i);
        }
    } else if (strcmp(verb, "fds") == 0) {
        print_fds();
    } else if (strcmp(verb, "state") == 0) {
        print_state();
    } else if (strcmp(verb, "hang") == 0) {
        fprintf(stderr, "ready\n");
        for (;;) {
            pause();
        }
    } else if (strcmp(verb, "heir") == 0) {
        /* Ends at once and leaves a process that holds its stderr open. */
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, 0);
            for (;;) {
                pause();
            }
        }
        fprintf(stderr, "heir %d\n", (int)pid);
    } else if (strcmp(verb, "mute") == 0) {
        close(2);
        return atoi(argv[2]);
    } else {
        return 99;
    }
    return 0;
}
