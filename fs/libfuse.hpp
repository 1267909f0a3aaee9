// libfuse's low-level API, in the version that fs is written for.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
