/* Peers of another make. */
#include "robust/raw_value.c"
#include "robust/raw_peer.c"
