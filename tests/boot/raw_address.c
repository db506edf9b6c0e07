#include "raw_address.h"

#include "kit/kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/un.h>

int raw_socket(const char *address, struct sockaddr_storage *at, socklen_t *len) {
    memset(at, 0, sizeof *at);
    if (strncmp(address, "/unix", 5) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)at;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s", address + strlen("/unix"));
        *len = sizeof *un;
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)at;
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        in->sin_port = htons((uint16_t)atoi(strrchr(address, '/') + 1));
        *len = sizeof *in;
    }
    int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

int raw_connect(const char *address) {
    struct sockaddr_storage at;
    socklen_t len;
    int fd = raw_socket(address, &at, &len);
    int error = connect(fd, (struct sockaddr *)&at, len) == 0 ? 0 : errno;
    close(fd);
    return error;
}
