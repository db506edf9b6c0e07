/* The log of a test: every line of level warning or above has to be announced. */
#include "kit/kit_impl.h"

#include <pthread.h>

typedef struct line {
    struct line *next;
    int level;
    char text[];
} line;

typedef struct expected {
    struct expected *next;
    const char *part;
} expected;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static line *lines;
static expected *expectations;

static void take(int level, const char *text, void *user) {
    (void)user;
    fprintf(stderr, "%s\n", text);
    line *l = malloc(sizeof *l + strlen(text) + 1);
    l->level = level;
    strcpy(l->text, text);
    pthread_mutex_lock(&lock);
    l->next = lines;
    lines = l;
    pthread_mutex_unlock(&lock);
}

void kit_log_begin(void) {
    if (tractor_log_set_sink(take, NULL, NULL) != TRACTOR_OK)
        abort();
}

void kit_expect_log(const char *part) {
    expected *e = malloc(sizeof *e);
    *e = (expected){ expectations, part };
    expectations = e;
}

size_t kit_log_count(const char *part) {
    size_t count = 0;
    pthread_mutex_lock(&lock);
    for (line *l = lines; l; l = l->next)
        count += strstr(l->text, part) != NULL;
    pthread_mutex_unlock(&lock);
    return count;
}

static bool announced(const char *text) {
    for (expected *e = expectations; e; e = e->next)
        if (strstr(text, e->part))
            return true;
    return false;
}

char *kit_log_surprises(void) {
    char *all = NULL;
    size_t length = 0;
    tractor_log_set_sink(NULL, NULL, NULL);
    for (line *next; lines; lines = next) {
        next = lines->next;
        if (lines->level >= TRACTOR_LOG_WARNING && !announced(lines->text)) {
            size_t more = strlen(lines->text);
            all = realloc(all, length + more + 2);
            sprintf(all + length, "%s\n", lines->text);
            length += more + 1;
        }
        free(lines);
    }
    for (expected *next; expectations; expectations = next) {
        next = expectations->next;
        free(expectations);
    }
    return all;
}
