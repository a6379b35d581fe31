// The library's own comparison, of which the verdict alone is made public: a caller may act on that, and on nothing
// else that depends on a secret.
#define Equal EqualOfTheLibrary
#include "../src/constant_time.cc"
#undef Equal

#include <valgrind/memcheck.h>

namespace paycrypto {

PAYCRYPTO_API bool Equal(ByteView left, ByteView right) noexcept {
  bool equal = EqualOfTheLibrary(left, right);
  VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof equal);
  return equal;
}

}  // namespace paycrypto
