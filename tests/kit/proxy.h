/* A relay between two actors that breaks connections where it is told to.
 *
 *     kit_proxy *p = kit_proxy_open(tractor_actor_address(peer, 0));
 *     kit_proxy_break(p, 0, KIT_THERE, 17, KIT_RESET);       // the first connection, after 17 bytes
 *     tractor_get_registry(root, kit_proxy_address(p), NULL, kit_on_portal, &through);
 *
 * It is a process of its own and ends with the test, or with kit_proxy_close(). Both sides of a connection speak the same
 * transport. It relays as fast as it can, unless it is told otherwise; every setting may be changed at any time. Actors get
 * there by an address that they are given: a registry address, that of tractor_get_registry(), or, for the connection of a
 * child to its parent, kit_redirect_env() (kit/fault.h).
 *
 * Connections are counted from 0 in the order in which they came. Of each of the first KIT_PROXY_KEPT the proxy keeps the
 * bytes, so that a test knows where frames begin.
 */
#ifndef TRACTOR_TESTS_KIT_PROXY_H
#define TRACTOR_TESTS_KIT_PROXY_H

#include "kit/kit.h"

enum kit_way {
    KIT_THERE, /* from who connected to who listens */
    KIT_BACK
};

enum kit_break {
    KIT_WHOLE,      /* not at all */
    KIT_CLOSE,      /* both sides read the end of the stream, also between two bytes of a frame */
    KIT_RESET,      /* the same by RST; uds knows none: just closed */
    KIT_HALF_CLOSE, /* the end of the stream in this direction; what comes after is swallowed. The other one goes on */
    KIT_STALL       /* nothing more in this direction, until kit_proxy_go_on() */
};
const char *kit_break_name(enum kit_break how);

#define KIT_PROXY_MOST 8192   /* connections in the life of a proxy */
#define KIT_PROXY_KEPT 8      /* those whose bytes are kept, */
#define KIT_PROXY_BYTES 32768 /* up to so many in each direction */

typedef struct kit_proxy kit_proxy;
kit_proxy *kit_proxy_open(const char *to);
/* One that listens at an address of your own. */
kit_proxy *kit_proxy_open_at(const char *address, const char *to);
void kit_proxy_close(kit_proxy *p);
const char *kit_proxy_address(const kit_proxy *p);

/* That connection, whether it is there or not yet, breaks once so many bytes have gone that way: at once if they have. */
void kit_proxy_break(kit_proxy *p, int connection, enum kit_way way, int64_t after, enum kit_break how);
/* Takes the break of that connection back; what was stalled goes on. */
void kit_proxy_go_on(kit_proxy *p, int connection, enum kit_way way);
/* All connections, that way: pieces of at most so many bytes, each written alone; 0: as they come. */
void kit_proxy_split(kit_proxy *p, enum kit_way way, int bytes);
/* All connections, that way: each piece so many milliseconds late. */
void kit_proxy_delay(kit_proxy *p, enum kit_way way, int ms);

/* How many there have been. */
int kit_proxy_connections(const kit_proxy *p);
/* How many bytes have gone through; those that have arrived are counted. */
int64_t kit_proxy_count(const kit_proxy *p, int connection, enum kit_way way);
/* The same bytes, as far as they are kept. */
const char *kit_proxy_bytes(const kit_proxy *p, int connection, enum kit_way way);

#endif
