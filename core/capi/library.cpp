#include <tractor/status.h>
#include <tractor/types.h>
#include <tractor/version.h>

#include <cstdlib>
#include <ctime>

void tractor_free(void* p) { std::free(p); }

int64_t tractor_now(void) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * TRACTOR_SECOND + t.tv_nsec;
}

const char* tractor_strerror(int code) {
  switch (code) {
#define TRACTOR_X(name, number, text) \
  case number: return text;
    TRACTOR_STATUS_MAP(TRACTOR_X)
#undef TRACTOR_X
    default: return "unknown status";
  }
}

#define TRACTOR_TEXT_(x) #x
#define TRACTOR_TEXT(x) TRACTOR_TEXT_(x)
const char* tractor_version(void) {
  return TRACTOR_TEXT(TRACTOR_VERSION_MAJOR) "." TRACTOR_TEXT(TRACTOR_VERSION_MINOR) "." TRACTOR_TEXT(
      TRACTOR_VERSION_PATCH);
}

int tractor_abi_epoch(void) { return TRACTOR_ABI_EPOCH; }
