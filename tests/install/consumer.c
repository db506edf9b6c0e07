#include <stdio.h>
#include <tractor.h>

int main(void) {
    puts(tractor_version());
    return tractor_abi_epoch() == TRACTOR_ABI_EPOCH ? 0 : 1;
}
