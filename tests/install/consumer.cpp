#include <cstdio>
#include <tractor.h>

int main() {
  std::puts(tractor_version());
  return tractor_abi_epoch() == TRACTOR_ABI_EPOCH ? 0 : 1;
}
