/* An address as the system's own functions see it. */
#ifndef TRACTOR_TESTS_BOOT_RAW_ADDRESS_H
#define TRACTOR_TESTS_BOOT_RAW_ADDRESS_H

#include <sys/socket.h>

/* A socket for the multiaddr, which is not yet bound or connected. */
int raw_socket(const char *address, struct sockaddr_storage *at, socklen_t *len);
/* Connects and hangs up: 0, or why it can't. */
int raw_connect(const char *address);

#endif
