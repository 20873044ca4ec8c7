/* Loaded before a program's libraries (LD_PRELOAD): records every call that would contact another machine in the file
 * $NETWORK_WATCH_LOG, and refuses it. One line per record: process id, call, target. The start of each program is
 * recorded too, so that a test knows which programs were watched. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void record(const char *call, const char *what) {
    const char *path = getenv("NETWORK_WATCH_LOG");
    char line[1024];
    int length = snprintf(line, sizeof line, "%d %s %s\n", (int)getpid(), call, what ? what : "");
    if (path == NULL || length <= 0) return;
    if (length >= (int)sizeof line) length = sizeof line - 1, line[length - 1] = '\n';
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (write(file, line, length) != length) abort();
    close(file);
}

__attribute__((constructor)) static void started(void) {
    char words[800] = "";
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, words, sizeof words - 1);
    if (file >= 0) close(file);
    for (ssize_t at = 0; at + 1 < length; at++)
        if (words[at] == '\0' || words[at] == '\n') words[at] = ' ';
    record("watched", words);
}

/* Whether an address is another machine's, or every machine's; it is written into `text`. */
static int leaves(const struct sockaddr *address, char *text, size_t size) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (address == NULL) return 0;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        if (ntohl(four->sin_addr.s_addr) >> 24 == 127) return 0;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(text, size, "%s port %d", host, ntohs(four->sin_port));
        return 1;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        if (IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)) return 0;
        if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == 127) return 0;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(text, size, "%s port %d", host, ntohs(six->sin6_port));
        return 1;
    }
    return 0;
}

static int refused(const char *call, const struct sockaddr *address) {
    char text[128];
    if (!leaves(address, text, sizeof text)) return 0;
    record(call, text);
    errno = ENETUNREACH;
    return 1;
}

int connect(int handle, const struct sockaddr *address, socklen_t length) {
    return refused("connect", address) ? -1 : REAL(connect)(handle, address, length);
}

int bind(int handle, const struct sockaddr *address, socklen_t length) {
    return refused("bind", address) ? -1 : REAL(bind)(handle, address, length);
}

ssize_t sendto(int handle, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length) {
    return refused("sendto", address) ? -1 : REAL(sendto)(handle, data, size, flags, address, length);
}

ssize_t sendmsg(int handle, const struct msghdr *message, int flags) {
    return refused("sendmsg", message->msg_name) ? -1 : REAL(sendmsg)(handle, message, flags);
}

int sendmmsg(int handle, struct mmsghdr *messages, unsigned count, int flags) {
    for (unsigned at = 0; at < count; at++)
        if (refused("sendmmsg", messages[at].msg_hdr.msg_name)) return -1;
    return REAL(sendmmsg)(handle, messages, count, flags);
}

/* Whether finding a host's address needs anybody else. */
static int needs_lookup(const char *host) {
    unsigned char address[16];
    char bare[INET6_ADDRSTRLEN];
    if (host == NULL || *host == '\0' || strcmp(host, "localhost") == 0) return 0;
    snprintf(bare, sizeof bare, "%s", host);
    bare[strcspn(bare, "%")] = '\0';
    return inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, bare, address) != 1;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int numeric = hints != NULL && (hints->ai_flags & AI_NUMERICHOST);
    if (numeric || !needs_lookup(host)) return REAL(getaddrinfo)(host, service, hints, found);
    record("getaddrinfo", host);
    return EAI_NONAME;
}

int getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size, char *service,
                socklen_t service_size, int flags) {
    char text[128];
    if (host != NULL && !(flags & NI_NUMERICHOST) && leaves(address, text, sizeof text)) {
        record("getnameinfo", text);
        flags |= NI_NUMERICHOST;
    }
    return REAL(getnameinfo)(address, length, host, host_size, service, service_size, flags);
}

int getaddrinfo_a(int mode, struct gaicb *list[], int count, struct sigevent *event) {
    for (int at = 0; at < count; at++)
        if (list[at] != NULL) record("getaddrinfo_a", list[at]->ar_name);
    (void)mode, (void)event;
    return EAI_AGAIN;
}

struct hostent *gethostbyname(const char *host) {
    if (!needs_lookup(host)) return REAL(gethostbyname)(host);
    record("gethostbyname", host);
    h_errno = HOST_NOT_FOUND;
    return NULL;
}

int gethostbyname_r(const char *host, struct hostent *entry, char *buffer, size_t size, struct hostent **found,
                    int *error) {
    if (!needs_lookup(host)) return REAL(gethostbyname_r)(host, entry, buffer, size, found, error);
    record("gethostbyname_r", host);
    *found = NULL, *error = HOST_NOT_FOUND;
    return ENOENT;
}
