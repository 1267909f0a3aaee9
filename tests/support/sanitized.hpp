// Whether this build has a sanitizer, which makes it slower.
#pragma once

namespace btfs {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// Limits of the time that work may take are multiplied by it. They are wide enough for AddressSanitizer as
/// they are.
#if defined(__SANITIZE_THREAD__)
inline constexpr int kSlowdown = 10;
#else
inline constexpr int kSlowdown = 1;
#endif

}  // namespace btfs
