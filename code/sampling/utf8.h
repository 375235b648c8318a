#ifndef UTF8_H
#define UTF8_H
#include <stddef.h>
/* The bytes of a character that is not complete yet. */
struct utf8 {
    unsigned char held[4];
    size_t used;
};
enum { UTF8_ROOM = 6 };     /* out has room for so many bytes */
/* Takes one byte, gives how many bytes of well-formed UTF-8 can now be
   shown: none yet; a character; or U+FFFD, if what was held turns out
   worthless, and then what the byte is by itself: nothing yet, an
   ASCII character, or another U+FFFD. */
size_t utf8_push(char out[UTF8_ROOM], struct utf8 *u,
                 unsigned char byte);
/* Nothing more comes: U+FFFD if something is still held. */
size_t utf8_end(char out[UTF8_ROOM], struct utf8 *u);
#endif
