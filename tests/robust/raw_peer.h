/* The other side of a connection, without the library: a peer that says exactly what a test wants it to say, and by default
 * what a Python actor says, without our extensions.
 *
 * Messages are written and read as text, a JSON with single quotes:
 *
 *     raw_send(peer, "{'msg_type':'Stop','cid':'%s'}", cid);
 *
 * where strings may have \xNN, (a, b) is an array too, nil is nil, and <c7 01 ff 00> stands for these very bytes.
 *
 * All is blocking and bounded, so it runs on a thread of its own when the actor is in this process. What a peer was asked
 * for lives as long as the peer. Nothing here asserts: assertions belong to the test's thread.
 */
#ifndef TRACTOR_TESTS_RAW_PEER_H
#define TRACTOR_TESTS_RAW_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- memory that goes at once ---- */

typedef struct raw_arena {
    void *blocks;
} raw_arena;
void *raw_alloc(raw_arena *arena, size_t size);
char *raw_format(raw_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void raw_release(raw_arena *arena);

/* ---- values ---- */

typedef enum raw_kind { RAW_NIL, RAW_BOOL, RAW_INT, RAW_FLOAT, RAW_STR, RAW_BIN, RAW_EXT, RAW_ARRAY, RAW_MAP } raw_kind;

typedef struct raw_node {
    raw_kind kind;
    int64_t i; /* of bool, int, and the number of an ext */
    double f;
    const char *s; /* of str, NUL-terminated too; of bin and ext */
    size_t len;
    size_t count;           /* of an array: elements; of a map: pairs */
    struct raw_node *items; /* of a map: key, value, key, value... */
} raw_node;

/* NULL unless it is exactly one value. */
const raw_node *raw_decode(raw_arena *arena, const void *data, size_t len);
/* NULL: not there, or no map. */
const raw_node *raw_get(const raw_node *map, const char *key);
/* "" if it is not there or no string. */
const char *raw_str(const raw_node *map, const char *key);
/* As the text form. */
const char *raw_show(raw_arena *arena, const raw_node *node);
/* The text form as bytes; NULL if the text is wrong. */
unsigned char *raw_compile(raw_arena *arena, const char *text, size_t *len);
const raw_node *raw_parse(raw_arena *arena, const char *text);
/* What stands between the quotes for such a text. */
const char *raw_quoted(raw_arena *arena, const char *text);

void raw_uuid(char uuid[37]);
/* The form on the wire, as text, of an address such as "/ip4/127.0.0.1/tcp/1616", and back. */
const char *raw_wire_address(raw_arena *arena, const char *multiaddr);
const char *raw_multiaddr(raw_arena *arena, const raw_node *wire);

/* ---- a connection ---- */

typedef enum raw_state {
    RAW_OPEN,
    RAW_EOF,     /* closed by the other side, in order or not */
    RAW_TIMEOUT, /* nothing came in time */
    RAW_GARBAGE  /* what came is no frame */
} raw_state;

typedef struct raw_peer {
    raw_arena arena;
    int fd;
    raw_state state; /* why raw_receive() had nothing */
    unsigned char *in;
    size_t begin, end, capacity;
    char name[64], uuid[37];
    bool registrar, native; /* what its Aid says of itself; native: with our extension */
    const raw_node *aid;    /* the other one's */
} raw_peer;

/* The file descriptor, or -1. */
int raw_connect(const char *multiaddr);
/* Connected, but nothing is said yet; NULL: nobody is there. */
raw_peer *raw_open(const char *multiaddr, const char *name);
raw_peer *raw_on_fd(int fd, const char *name);
/* Connected and greeted; NULL if one of them failed. */
raw_peer *raw_open_greeted(const char *multiaddr, const char *name);
void raw_close(raw_peer *peer);
/* Closes so that the other side sees a reset, if its transport knows one. */
void raw_reset(raw_peer *peer);

/* False: the other side is gone. */
bool raw_write(raw_peer *peer, const void *data, size_t len);
bool raw_send_body(raw_peer *peer, const void *body, size_t len);
bool raw_send(raw_peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The frame's bytes without sending them. */
unsigned char *raw_frame(raw_peer *peer, size_t *len, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The next message, as a map; NULL: see `state`. */
const raw_node *raw_receive(raw_peer *peer, int ms);
/* Reads on and drops all until the other side has closed; false: it has not. */
bool raw_wait_closed(raw_peer *peer, int ms);

/* ---- as Python speaks ---- */

bool raw_send_aid(raw_peer *peer);
bool raw_receive_aid(raw_peer *peer, int ms);
bool raw_greet(raw_peer *peer);
/* Sends a Start and returns its cid. */
const char *raw_start(raw_peer *peer, const char *ns, const char *func, const char *kwargs);
bool raw_send_ack(raw_peer *peer, const char *cid, const char *functype);
bool raw_send_return(raw_peer *peer, const char *cid, const char *pld);
bool raw_send_cancel_ack(raw_peer *peer, const char *cid);
/* An Error that was raised by this peer; `canceller` NULL: nil. */
bool raw_send_error(raw_peer *peer, const char *cid, const char *type, const raw_peer *canceller);
/* The next message, if it is of that type and dialog (cid NULL: any); else NULL. */
const raw_node *raw_expect(raw_peer *peer, const char *type, const char *cid);
/* A whole call: its value; NULL if it did not answer with StartAck and Return. */
const raw_node *raw_call(raw_peer *peer, const char *ns, const char *func, const char *kwargs);

/* ---- a listener ---- */

typedef struct raw_listener {
    int fd;
    char multiaddr[200];
} raw_listener;
/* At an address; of tcp the port may be 0. */
bool raw_listen(raw_listener *listener, const char *multiaddr);
raw_peer *raw_accept(raw_listener *listener, int ms, const char *name, const char *uuid);
void raw_unlisten(raw_listener *listener);

/* Upper limits of waits are multiplied by TRACTOR_TEST_HEADROOM. */
int raw_patience(int ms);
#define RAW_WAIT 5000

#endif
