# Links mount.btfs and mount.fuse.btfs to the program that was installed, at cmake --install.
#
# mount(8) runs only helpers in /sbin. They are put there if btfs goes to a prefix of the system (/usr, /usr/local) or
# below DESTDIR; for another prefix, to PREFIX/sbin, from where root may copy the links.
cmake_policy(VERSION 3.25)
set(program "${CMAKE_INSTALL_PREFIX}/bin/btfs")
set(system_prefixes / /usr /usr/local)
if("${CMAKE_INSTALL_PREFIX}" IN_LIST system_prefixes)
  # Debian's packages may not name /sbin where it is a symlink.
  set(folder /sbin)
  if(IS_SYMLINK /sbin)
    set(folder /usr/sbin)
  endif()
else()
  set(folder "${CMAKE_INSTALL_PREFIX}/sbin")
endif()

foreach(name mount.btfs mount.fuse.btfs)
  set(link "$ENV{DESTDIR}${folder}/${name}")
  message(STATUS "Installing: ${link}")
  file(MAKE_DIRECTORY "$ENV{DESTDIR}${folder}")
  file(CREATE_LINK "${program}" "${link}" RESULT result SYMBOLIC)
  if(NOT result STREQUAL "0")
    message(WARNING "${link}: ${result}; without it `mount -t btfs` does not work")
  endif()
endforeach()
