#include "robust/replay.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool wrong(replay *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(replay *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (!r->wrong[0])
        vsnprintf(r->wrong, sizeof r->wrong, format, args);
    va_end(args);
    return false;
}

/* ---- names ---- */

static bool is_uuid(const char *s) {
    return strlen(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-';
}

/* The same ones are the same, and different ones differ. */
static bool pair(replay *r, const char *recorded, const char *actual) {
    for (size_t i = 0; i < r->names; i++) {
        bool left = strcmp(r->recorded[i], recorded) == 0, right = strcmp(r->actual[i], actual) == 0;
        if (left || right)
            return left && right;
    }
    if (r->names == REPLAY_NAMES)
        return false;
    r->recorded[r->names] = recorded;
    r->actual[r->names++] = actual;
    return true;
}

/* A uuid may stand behind a name. */
static bool same_text(replay *r, const raw_node *recorded, const raw_node *got) {
    if (recorded->kind != RAW_STR || got->kind != RAW_STR || recorded->len != got->len)
        return false;
    size_t before = recorded->len >= 36 ? recorded->len - 36 : 0;
    if (recorded->len >= 36 && is_uuid(recorded->s + before) && is_uuid(got->s + before))
        return memcmp(recorded->s, got->s, before) == 0 && pair(r, recorded->s + before, got->s + before);
    return memcmp(recorded->s, got->s, got->len) == 0;
}

/* ---- places ---- */

static replay_place *place_of(replay *r, const char *owner) {
    for (size_t i = 0; i < r->place_count; i++)
        if (strcmp(r->places[i].owner, owner) == 0)
            return &r->places[i];
    return NULL;
}

static replay_place *place_at(replay *r, const char *recorded) {
    for (size_t i = 0; i < r->place_count; i++)
        if (strcmp(r->places[i].recorded, recorded) == 0)
            return &r->places[i];
    return NULL;
}

static bool is_host(const replay *r, const char *name) { return strcmp(name, r->host ? r->host : "root") == 0; }

static bool add_place(replay *r, const char *owner, const raw_node *address) {
    const char *recorded = raw_show(&r->arena, address);
    if (place_at(r, recorded))
        return true;
    if (r->place_count == REPLAY_PLACES)
        return wrong(r, "too many addresses");
    const char *actual = is_host(r, owner) ? raw_wire_address(&r->arena, r->address) : NULL;
    r->places[r->place_count++] = (replay_place){ .owner = owner, .recorded = recorded, .actual = actual };
    return true;
}

/* An address where nobody lives yet. */
static const char *fresh_address(replay *r, const char *owner) {
    if (strcmp(r->transport, "tcp") == 0)
        return "/ip4/127.0.0.1/tcp/0";
    const char *slash = strrchr(r->address, '/');
    return raw_format(&r->arena, "%.*s/%s@%d.sock", (int)(slash - r->address), r->address, owner, (int)getpid());
}

/* It is about to be told: who is played must be there, and one of ours needs to know where to be. */
static bool settle(replay *r, replay_place *place) {
    if (place->listening || is_host(r, place->owner) || (place->actual && !place->inhabited))
        return true;
    const char *address =
        place->actual ? raw_multiaddr(&r->arena, raw_parse(&r->arena, place->actual)) : fresh_address(r, place->owner);
    if (!raw_listen(&place->listener, address))
        return wrong(r, "cannot listen for %s at %s", place->owner, address);
    place->actual = raw_wire_address(&r->arena, place->listener.multiaddr);
    place->listening = place->inhabited;
    if (!place->inhabited)
        raw_unlisten(&place->listener);
    return true;
}

static void desert(replay_place *place) {
    if (place->listening)
        raw_unlisten(&place->listener);
    place->listening = false;
}

/* ---- comparing ---- */

static bool is_one_of(const char *key, const char *list) {
    char word[64];
    snprintf(word, sizeof word, " %s ", key);
    return strstr(list, word) != NULL;
}

static bool is_address(const replay *r, const raw_node *node) {
    return node->kind == RAW_ARRAY && node->count == 2 && node->items[0].kind == RAW_STR &&
           node->items[1].kind == (strcmp(r->transport, "uds") == 0 ? RAW_STR : RAW_INT);
}

static bool same(replay *r, const char *key, const raw_node *recorded, const raw_node *got);

static bool differ(replay *r, const char *key, const raw_node *recorded, const raw_node *got) {
    return wrong(r, "%s: recorded %s, got %s", key, raw_show(&r->arena, recorded), raw_show(&r->arena, got));
}

static bool same_modules(const raw_node *recorded, const raw_node *got) {
    size_t own = 0;
    for (size_t i = 0; i < recorded->count; i++) {
        const char *name = recorded->items[2 * i].s;
        if (strncmp(name, "tractor.", 8) == 0)
            continue;
        own++;
        const raw_node *file = raw_get(got, name);
        if (!file || file->kind != RAW_STR)
            return false;
    }
    return got->count == own;
}

static bool same_map(replay *r, const raw_node *recorded, const raw_node *got) {
    size_t count = got->count;
    if (strcmp(raw_str(got, "msg_type"), "Aid") == 0 && raw_get(got, "ext"))
        count--;
    if (count != recorded->count)
        return differ(r, "number of fields", recorded, got);
    for (size_t i = 0; i < recorded->count; i++) {
        const raw_node *key = &recorded->items[2 * i], *other = &got->items[2 * i];
        bool named = key->kind == RAW_STR;
        if (named ? !same_text(r, key, other) : !same(r, "a key", key, other))
            return differ(r, "names of fields", recorded, got);
        if (!same(r, named ? key->s : "a value", key + 1, other + 1))
            return false;
    }
    return true;
}

/* Where an actor lived in the record it lives now, wherever that is. */
static bool same_place(replay *r, replay_place *place, const raw_node *got) {
    if (!is_address(r, got))
        return false;
    const char *actual = raw_show(&r->arena, got);
    if (!place->actual)
        place->actual = actual;
    return strcmp(place->actual, actual) == 0;
}

static bool same_int(replay *r, const char *key, int64_t recorded, int64_t got) {
    if (strcmp(key, "pid") == 0 && !r->recorded_pid) {
        r->recorded_pid = recorded;
        r->actual_pid = got;
    }
    return got == (recorded == r->recorded_pid ? r->actual_pid : recorded);
}

static bool same(replay *r, const char *key, const raw_node *recorded, const raw_node *got) {
    replay_place *place = recorded->kind == RAW_ARRAY ? place_at(r, raw_show(&r->arena, recorded)) : NULL;
    if (place)
        return same_place(r, place, got) || differ(r, key, recorded, got);
    if (strcmp(key, "_bad_msg") == 0)
        return got->kind == RAW_NIL || differ(r, key, recorded, got);
    if (recorded->kind != got->kind)
        return differ(r, key, recorded, got);
    if (is_one_of(key, " tb_str message _parent_main_data "))
        return true;
    if (strcmp(key, "enable_modules") == 0)
        return same_modules(recorded, got) || differ(r, key, recorded, got);
    if (strcmp(key, "_enable_tpts") == 0)
        return (got->count == 1 && strcmp(got->items[0].s, r->transport) == 0) || differ(r, key, recorded, got);
    switch (recorded->kind) {
        case RAW_NIL:
            return true;
        case RAW_BOOL:
            return recorded->i == got->i || differ(r, key, recorded, got);
        case RAW_INT:
            return same_int(r, key, recorded->i, got->i) || differ(r, key, recorded, got);
        case RAW_FLOAT:
            return memcmp(&recorded->f, &got->f, sizeof got->f) == 0 || differ(r, key, recorded, got);
        case RAW_STR:
            return same_text(r, recorded, got) || differ(r, key, recorded, got);
        case RAW_BIN:
        case RAW_EXT:
            break;
        case RAW_MAP:
            return same_map(r, recorded, got);
        case RAW_ARRAY:
            if (recorded->count != got->count)
                return differ(r, key, recorded, got);
            for (size_t i = 0; i < got->count; i++)
                if (!same(r, key, &recorded->items[i], &got->items[i]))
                    return false;
            return true;
    }
    bool equal = recorded->len == got->len && memcmp(recorded->s, got->s, got->len) == 0 && recorded->i == got->i;
    return equal || differ(r, key, recorded, got);
}

/* ---- saying ---- */

static const char *replaced(replay *r, const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (!at || !*from)
        return text;
    const char *rest = replaced(r, at + strlen(from), from, to);
    return raw_format(&r->arena, "%.*s%s%s", (int)(at - text), text, to, rest);
}

/* A payload goes as it is, with its cid in place. */
static bool say_exactly(replay *r, raw_peer *peer, const unsigned char *frame, size_t len) {
    unsigned char *copy = raw_alloc(&r->arena, len);
    memcpy(copy, frame, len);
    for (size_t i = 0; i < r->names; i++) {
        unsigned char *at = memmem(copy, len, r->recorded[i], 36);
        if (at)
            memcpy(at, r->actual[i], 36);
    }
    return raw_write(peer, copy, len);
}

static bool say(replay *r, raw_peer *peer, const raw_node *recorded) {
    const char *text = raw_show(&r->arena, recorded);
    for (size_t i = 0; i < r->names; i++)
        text = replaced(r, text, r->recorded[i], r->actual[i]);
    for (replay_place *place = r->places; place < r->places + r->place_count; place++) {
        if (!strstr(text, place->recorded))
            continue;
        if (!settle(r, place))
            return false;
        text = replaced(r, text, place->recorded, place->actual);
    }
    const char *other = strcmp(r->transport, "tcp") == 0 ? "uds" : "tcp";
    text = replaced(r, text, raw_format(&r->arena, "'_enable_tpts':['%s']", other),
                    raw_format(&r->arena, "'_enable_tpts':['%s']", r->transport));
    return raw_send(peer, "%s", text);
}

/* ---- the play ---- */

typedef struct line {
    const char *src, *dst;
    int conn;
    bool mine;       /* said by me, to "us" */
    bool us_dialled; /* the connection */
    bool played;
    double at_ms;
    const unsigned char *frame;
    size_t len;
    const raw_node *recorded;
} line;

static bool is_cancel(const line *l) {
    return strcmp(raw_str(l->recorded, "func"), "cancel") == 0 && strcmp(raw_str(l->recorded, "ns"), "self") == 0;
}

static const char *other_of(const line *l) { return l->mine ? l->src : l->dst; }

/* Not said among others. */
static bool is_played(const replay *r, const line *l) {
    return (l->mine || strcmp(l->src, r->us) == 0) && (r->everybody || strcmp(other_of(l), r->me) == 0);
}

/* ---- stand-ins ---- */

static replay_stand_in *stand_in(replay *r, const char *name) {
    for (size_t i = 0; i < r->stand_in_count; i++)
        if (strcmp(r->stand_ins[i].name, name) == 0)
            return &r->stand_ins[i];
    return NULL;
}

/* Its part begins when its process is there. */
static bool enter(replay *r, replay_stand_in *s) {
    if (s->uuid)
        return true;
    s->process = raw_accept(r->stand_in_listener, raw_patience(RAW_WAIT), s->name, NULL);
    const raw_node *says = s->process ? raw_receive(s->process, raw_patience(RAW_WAIT)) : NULL;
    if (strcmp(raw_str(says, "name"), s->name) != 0)
        return wrong(r, "the process of %s does not come", s->name);
    s->uuid = raw_str(says, "uuid");
    return true;
}

/* Nobody is left at its ends of connections. */
static bool die(replay *r, replay_stand_in *s, const line *begin, const line *end) {
    if (!raw_wait_closed(s->process, raw_patience(RAW_WAIT)))
        return wrong(r, "the process of %s does not end", s->name);
    for (const line *l = begin; l < end; l++)
        if (r->conns[l->conn] && is_played(r, l) && strcmp(other_of(l), s->name) == 0)
            shutdown(r->conns[l->conn]->fd, SHUT_RDWR);
    replay_place *place = place_of(r, s->name);
    if (place)
        desert(place);
    return true;
}

/* After its last line its process ends. */
static bool leave(replay *r, const line *begin, const line *l, const line *end) {
    replay_stand_in *s = stand_in(r, other_of(l));
    if (!s)
        return true;
    for (const line *later = l + 1; later < end; later++)
        if (is_played(r, later) && !later->played && strcmp(other_of(later), s->name) == 0)
            return true;
    shutdown(s->process->fd, SHUT_WR);
    return s->asked_to_end || die(r, s, begin, end);
}

static const char *uuid_of(replay *r, const char *name) {
    replay_stand_in *s = stand_in(r, name);
    return s ? s->uuid : strcmp(name, r->me) == 0 ? r->own_uuid : NULL;
}

/* ---- connections ---- */

static raw_peer *accept_ours(replay *r, const line *l) {
    replay_place *place = place_of(r, other_of(l));
    raw_listener *listener = place && place->listening ? &place->listener : r->listener;
    return listener ? raw_accept(listener, raw_patience(RAW_WAIT), r->me, NULL) : NULL;
}

static raw_peer *dial_ours(replay *r) {
    replay_place *place = place_of(r, r->us);
    const char *address = place ? raw_multiaddr(&r->arena, raw_parse(&r->arena, place->actual)) : r->address;
    return raw_open(address, r->me);
}

static raw_peer *connection(replay *r, const line *l) {
    int number = l->conn;
    replay_stand_in *s = stand_in(r, other_of(l));
    if (r->conns[number] || (s && !enter(r, s)))
        return r->conns[number];
    r->conns[number] = l->us_dialled ? accept_ours(r, l) : dial_ours(r);
    if (!r->conns[number])
        wrong(r, l->us_dialled ? "connection %d does not come" : "cannot connect as number %d", number);
    return r->conns[number];
}

/* Each side says who it is at once and does not wait for the other, so that their order means nothing. */
static bool greet(replay *r, raw_peer *peer, line *at, line *end) {
    for (line *l = at; l < end; l++)
        if (l->mine && l->conn == at->conn) {
            const char *uuid = uuid_of(r, l->src);
            if (uuid)
                pair(r, raw_str(l->recorded, "uuid"), uuid);
            l->played = true;
            return say(r, peer, l->recorded) || wrong(r, "connection %d is closed at once", l->conn);
        }
    return wrong(r, "no Aid is recorded");
}

static bool hear(replay *r, raw_peer *peer, const line *l) {
    const raw_node *got = raw_receive(peer, raw_patience(RAW_WAIT));
    if (!got)
        return wrong(r, "connection %d: recorded %s, but %s", l->conn, raw_show(&r->arena, l->recorded),
                     peer->state == RAW_EOF ? "it is closed" : "nothing came");
    if (same(r, raw_str(l->recorded, "msg_type"), l->recorded, got))
        return true;
    fprintf(stderr, "replay: recorded %s\nreplay: got      %s\n", raw_show(&r->arena, l->recorded),
            raw_show(&r->arena, got));
    return false;
}

/* The last line of a connection of ours on which we registered, or the opposite. */
static bool ends_registering(const line *begin, const line *l, const line *end) {
    for (const line *later = l + 1; later < end; later++)
        if (later->conn == l->conn)
            return false;
    for (const line *asked = begin; l->us_dialled && asked < l; asked++)
        if (asked->conn == l->conn && is_one_of(raw_str(asked->recorded, "func"), " register_actor unregister_actor "))
            return true;
    return false;
}

static bool play_line(replay *r, line *begin, line *l, line *end) {
    bool is_new = !r->conns[l->conn];
    raw_peer *peer = connection(r, l);
    if (!peer || (is_new && !greet(r, peer, l, end)))
        return false;
    if (l->played)
        return true;
    bool again = is_cancel(l) && r->cancelled[l->conn];
    if (is_cancel(l))
        r->cancelled[l->conn] = true;
    if (!l->mine)
        return again || hear(r, peer, l);
    if (again)
        r->again = raw_str(l->recorded, "cid");
    bool exact = strcmp(raw_str(l->recorded, "msg_type"), "Yield") == 0;
    /* If the actor has left already, what it said before tells whether that was right. */
    if (exact ? !say_exactly(r, peer, l->frame, l->len) : !say(r, peer, l->recorded))
        return true;
    /* Until it has closed that connection it is not done with it, whatever else it answers. */
    if (ends_registering(begin, l, end)) {
        const raw_node *more = raw_receive(peer, raw_patience(RAW_WAIT));
        if (more || peer->state != RAW_EOF)
            return wrong(r, "connection %d is not closed: %s", l->conn, raw_show(&r->arena, more));
    }
    return true;
}

static bool play(replay *r, line *lines, size_t count) {
    const line *last = NULL;
    for (line *l = lines; l < lines + count; l++) {
        if (!is_played(r, l))
            continue;
        bool goes_on =
            last && last->mine && l->mine && strcmp(raw_str(l->recorded, "cid"), raw_str(last->recorded, "cid")) == 0;
        if (goes_on && l->at_ms - last->at_ms > 1.5)
            poll(NULL, 0, raw_patience(20));
        if (!play_line(r, lines, l, lines + count) || !leave(r, lines, l, lines + count))
            return false;
        last = l;
    }
    /* Nothing more than what was recorded. */
    for (int i = 0; i < REPLAY_CONNECTIONS; i++) {
        raw_peer *peer = r->conns[i];
        const raw_node *more;
        while (peer && (more = raw_receive(peer, 30)))
            if (!r->again || strcmp(raw_str(more, "cid"), r->again) != 0)
                return wrong(r, "connection %d: not recorded: %s", i, raw_show(&peer->arena, more));
    }
    return true;
}

/* ---- the record ---- */

static const char *field_of(replay *r, const char *text, const char *key) {
    const char *at = strstr(text, raw_format(&r->arena, "\"%s\": ", key));
    if (!at)
        return "";
    at += strlen(key) + 4;
    bool quoted = *at == '"';
    at += quoted;
    return raw_format(&r->arena, "%.*s", (int)strcspn(at, quoted ? "\"" : ",}"), at);
}

static bool read_line(replay *r, const char *text, line *l) {
    l->frame = raw_compile(&r->arena, raw_format(&r->arena, "<%s>", field_of(r, text, "hex")), &l->len);
    l->conn = atoi(field_of(r, text, "conn"));
    l->at_ms = atof(field_of(r, text, "t_ms"));
    l->recorded = l->frame && l->len > 4 ? raw_decode(&r->arena, l->frame + 4, l->len - 4) : NULL;
    l->src = field_of(r, text, "src");
    l->dst = field_of(r, text, "dst");
    l->mine = strcmp(l->dst, r->us) == 0;
    bool from_dialler = strncmp(field_of(r, text, "dir"), "dialer->", 8) == 0;
    l->us_dialled = strcmp(from_dialler ? l->src : l->dst, r->us) == 0;
    if (l->conn < 0 || l->conn >= REPLAY_CONNECTIONS || !l->recorded)
        return wrong(r, "no message in %.60s", text);
    return true;
}

/* Who lives where, and which processes the actor of ours starts besides "me". */
static bool note(replay *r, const line *l) {
    replay_stand_in *target = stand_in(r, l->dst);
    if (target && is_cancel(l))
        target->asked_to_end = true;
    const raw_node *address = raw_get(raw_get(l->recorded, "kwargs"), "addr");
    if (strcmp(raw_str(l->recorded, "func"), "register_actor") == 0 && !add_place(r, l->src, address))
        return false;
    if (strcmp(raw_str(l->recorded, "msg_type"), "SpawnSpec") != 0)
        return true;
    if (!add_place(r, "root", raw_get(l->recorded, "reg_addrs")->items))
        return false;
    if (!r->stand_in_listener || strcmp(l->src, r->us) != 0 || strcmp(l->dst, r->me) == 0)
        return true;
    if (r->stand_in_count == REPLAY_STAND_INS)
        return wrong(r, "too many processes");
    r->stand_ins[r->stand_in_count++] = (replay_stand_in){ .name = l->dst };
    return true;
}

/* `l` is that line of the record. How many lines there are from it on, with what is better. */
static size_t better(replay *r, const char *path, size_t number, line *l) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (const replay_better *b = replay_betters; b->record; b++) {
        if (strcmp(b->record, name) != 0 || strcmp(b->us, r->us) != 0 || b->line != number)
            continue;
        const line recorded = *l;
        line *more = b->instead ? l : l + 1;
        for (size_t i = 0; i < REPLAY_BETTER && b->messages[i].text; i++, more++) {
            *more = recorded;
            if (strcmp(b->messages[i].src, recorded.src) != 0) {
                more->src = recorded.dst;
                more->dst = recorded.src;
            }
            more->mine = strcmp(more->dst, r->us) == 0;
            more->recorded = raw_parse(&r->arena, b->messages[i].text);
            if (!more->recorded)
                abort();
        }
        return (size_t)(more - l);
    }
    return 1;
}

bool replay_run(replay *r, const char *path) {
    enum { LINES = 256 };
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t size = 0, count = 0;
    line *lines = raw_alloc(&r->arena, LINES * sizeof *lines);
    bool good = f != NULL || wrong(r, "cannot read %s", path);
    for (size_t number = 0; good && count < LINES - REPLAY_BETTER && getline(&text, &size, f) > 0; number++) {
        good = read_line(r, text, &lines[count]) && note(r, &lines[count]);
        if (good)
            count += better(r, path, number, &lines[count]);
    }
    free(text);
    if (f)
        fclose(f);
    for (const line *l = lines; l < lines + count; l++) {
        replay_place *place = is_played(r, l) ? place_of(r, other_of(l)) : NULL;
        if (place)
            place->inhabited = true;
    }
    return good && play(r, lines, count);
}

void replay_unlisten(replay *r) {
    for (size_t i = 0; i < r->place_count; i++)
        desert(&r->places[i]);
    if (r->stand_in_listener)
        raw_unlisten(r->stand_in_listener);
    r->stand_in_listener = NULL;
}

void replay_close(replay *r) {
    replay_unlisten(r);
    for (int i = 0; i < REPLAY_CONNECTIONS; i++)
        raw_close(r->conns[i]);
    for (size_t i = 0; i < r->stand_in_count; i++)
        raw_close(r->stand_ins[i].process);
    raw_release(&r->arena);
}
