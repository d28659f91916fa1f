# Compiler settings, libraries and the two helpers every folder uses:
#   ccapi_module(NAME [deps...])    static library of the *.c files in this folder
#   ccapi_program(NAME [deps...])   target with our warnings, placed in the build's bin/

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(CCAPI_SANITIZE "" CACHE STRING "value for -fsanitize=, e.g. address,undefined")
option(CCAPI_WERROR "treat warnings as errors" OFF)
option(CCAPI_HARDEN "stack protector, fortify, full RELRO" OFF)
option(CCAPI_COVERAGE "gcov instrumentation" OFF)
option(CCAPI_FUZZ "build the libFuzzer targets (clang only)" OFF)
option(CCAPI_TESTS "build tests and claude-sim" ON)
set(CCAPI_BIN_DIR "${CMAKE_BINARY_DIR}/bin" CACHE PATH "where programs land")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CCAPI_BIN_DIR})

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(CONFIG REQUIRED IMPORTED_TARGET libconfig>=1.5)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(LWS REQUIRED IMPORTED_TARGET libwebsockets>=4.1.6)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(NCURSES REQUIRED IMPORTED_TARGET ncursesw>=6.4)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc>=2.6)
pkg_check_modules(SYSTEMD IMPORTED_TARGET libsystemd)
if(CCAPI_TESTS)
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

add_library(ccapi_flags INTERFACE)
target_compile_definitions(ccapi_flags INTERFACE _GNU_SOURCE)
target_include_directories(ccapi_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(ccapi_flags INTERFACE
	-Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla
	-fno-strict-aliasing $<$<BOOL:${CCAPI_WERROR}>:-Werror>)
if(CCAPI_SANITIZE)
	target_compile_options(ccapi_flags INTERFACE -fsanitize=${CCAPI_SANITIZE} -fno-sanitize-recover=all
		-fno-omit-frame-pointer)
	target_link_options(ccapi_flags INTERFACE -fsanitize=${CCAPI_SANITIZE})
endif()
if(CCAPI_HARDEN)
	target_compile_options(ccapi_flags INTERFACE -fstack-protector-strong -fstack-clash-protection
		-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fcf-protection)
	target_link_options(ccapi_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
if(CCAPI_COVERAGE)
	target_compile_options(ccapi_flags INTERFACE --coverage -O0)
	target_link_options(ccapi_flags INTERFACE --coverage)
endif()
if(SYSTEMD_FOUND)
	target_compile_definitions(ccapi_flags INTERFACE CCAPI_HAVE_SYSTEMD=1)
endif()

configure_file(${CMAKE_SOURCE_DIR}/cmake/version.h.in ${CMAKE_BINARY_DIR}/generated/ccapi_version.h)

function(ccapi_module name)
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
	if(NOT sources) # headers alone so far: others may name it
		add_library(${name} INTERFACE)
		target_link_libraries(${name} INTERFACE ccapi_flags ${ARGN})
		return()
	endif()
	add_library(${name} STATIC ${sources})
	target_link_libraries(${name} PUBLIC ccapi_flags ${ARGN})
endfunction()

function(ccapi_program name)
	cmake_parse_arguments(P "" "" "SOURCES;DEPS" ${ARGN})
	add_executable(${name} ${P_SOURCES})
	target_link_libraries(${name} PRIVATE ccapi_flags ${P_DEPS})
endfunction()
