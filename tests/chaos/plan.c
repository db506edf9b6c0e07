/* The plan of a round, as its actors read it; and the diary that they write. */
#include "chaos.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum kind kind_of(const char *name) {
    static const char *const names[] = { "context", "call", "home", "one-shot" };
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum kind)i;
    fprintf(stderr, "chaos: no kind '%s'\n", name);
    exit(3);
}

static bool read_line(plan *p, const char *line) {
    char kind[16], style[16];
    int ignore, pass_up, subreaper;
    if (sscanf(line, "root %15s %7s %127s %d %d", style, p->transport, p->registry, &p->end_ms, &subreaper) == 5) {
        p->embedded = strcmp(style, "embedded") == 0;
        p->subreaper = subreaper;
        return true;
    }
    node *n = &p->nodes[p->node_count];
    if (p->node_count < MAX_NODES &&
        sscanf(line, "node %d %d %15s %7s %d %d %d %d %d", &n->index, &n->parent, kind, n->transport, &n->delay_ms,
               &n->life_ms, &n->deadline_ms, &ignore, &pass_up) == 9) {
        n->kind = kind_of(kind);
        n->ignore = ignore;
        n->pass_up = pass_up;
        snprintf(n->name, sizeof n->name, "n%02d", n->index % 100);
        return n->index == p->node_count++;
    }
    work *w = &p->works[p->work_count];
    if (p->work_count < MAX_WORKS && sscanf(line, "work %d %15s %d", &w->node, w->what, &w->number) == 3) {
        p->work_count++;
        return true;
    }
    inside_fault *f = &p->faults[p->fault_count];
    if (p->fault_count < MAX_FAULTS &&
        sscanf(line, "fault %d %d %15s %d", &f->node, &f->at_ms, f->what, &f->target) == 4) {
        p->fault_count++;
        return true;
    }
    return false;
}

const plan *the_plan(void) {
    static plan p;
    if (p.node_count > 0)
        return &p;
    const char *path = getenv("CHAOS_PLAN");
    FILE *f = path ? fopen(path, "re") : NULL;
    if (!f)
        return NULL;
    for (char line[256]; fgets(line, sizeof line, f);)
        if (!read_line(&p, line)) {
            fprintf(stderr, "chaos: can't read this line of the plan: %s", line);
            exit(3);
        }
    fclose(f);
    return &p;
}

void note(int index, const char *format, ...) {
    const char *path = getenv("CHAOS_DIARY");
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    char line[1024];
    int n = snprintf(line, sizeof line, "%lld n%02d %d ", (long long)tractor_now(), index, (int)getpid());
    va_list args;
    va_start(args, format);
    n += vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
    va_end(args);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    for (int i = 0; i < n; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[n++] = '\n';
    /* In one piece, so that the lines of all actors don't mix. */
    if (write(fd, line, (size_t)n) < 0)
        abort();
    close(fd);
}
