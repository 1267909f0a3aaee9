#include <cstdio>

int main() { std::puts("btfs " BTFS_VERSION); }
