#ifndef LANGUAGE_H
#define LANGUAGE_H
#ifdef __cplusplus
#define LANGUAGE_C_BEGIN extern "C" {
#define LANGUAGE_C_END }
#else
#define LANGUAGE_C_BEGIN
#define LANGUAGE_C_END
#endif
#endif
