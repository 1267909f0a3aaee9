// Compiles Asio's definitions, once. CMakeLists.txt defines BOOST_ASIO_SEPARATE_COMPILATION, so that other
// sources see declarations only.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
