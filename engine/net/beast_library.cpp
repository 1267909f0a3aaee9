// Beast itself. CMakeLists.txt defines BOOST_BEAST_SEPARATE_COMPILATION, so that other sources see declarations only.
#include <boost/beast/src.hpp>
