/**
 * @file tractor/stream.h
 * @brief Streams: values in both directions while a context is open.
 */
#ifndef TRACTOR_STREAM_H
#define TRACTOR_STREAM_H

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup stream Stream
 * @brief Values in both directions, in order, while a context is open.
 *
 * Each side opens its stream with tractor_ctx_open_stream(), once; nothing is sent for that, and what came before waits.
 * A stream lives as long as its ctx and nothing has to be freed. The two directions end independently: with
 * tractor_stream_send_eof() you say that you send no more, and ::TRACTOR_EEOF from a receive says it of the peer. End of
 * stream is not success: how the task ended is told by `on_result` of tractor_portal_open_context().
 *
 * **Receiving.** One receive at a time. To drain quickly, take what is there with tractor_stream_try_receive(), then wait
 * with tractor_stream_receive(). A received value leaves the stream when it is handed to you, so a receive that is
 * cancelled or abandoned loses none. Once you have received from it, the stream keeps its ctx until what has come was
 * received; close it to drop the rest.
 *
 * **Sending.** tractor_stream_send() takes the value or says ::TRACTOR_EAGAIN; tractor_stream_send_wait() completes when it
 * is taken. *Taken* means that it is on its way in order, not that it has arrived.
 *
 * **Back-pressure.** Between actors of this library nothing is ever lost: the receiver grants the sender a window, and a
 * sender that has used it up is told to wait until the receiver has taken something. The wait is cancelled like any
 * other operation. A peer of another make knows no windows. Sent to, it is protected by nothing but the pace of its
 * connection; what it sends waits in a buffer of 64 messages, and when that is full and nobody is receiving, a message
 * is dropped and the sender is told: its context fails with ::TRACTOR_EOVERRUN. ::TRACTOR_CALL_ALLOW_OVERRUNS lets 616 more
 * wait.
 * @{
 */

/**
 * @brief Sends a value, if that can be done now.
 * @param stream  where
 * @param item    one value; `{NULL, 0}`: nil. Copied or written before the call returns
 * @return ::TRACTOR_OK: taken. ::TRACTOR_EAGAIN: not now, nothing was taken: the window is used up, the connection is
 *         behind, or a tractor_stream_send_wait() is waiting, which is never overtaken. ::TRACTOR_EEOF: the peer's task is
 *         over. ::TRACTOR_ECLOSED: this side has said that it sends no more, or the ctx has ended.
 *         ::TRACTOR_ERUNTIME: the peer is a generator, which takes nothing.
 *         ::TRACTOR_ECANCELED: the ctx is failing or cancelled. ::TRACTOR_ETRANSPORT: the connection is gone.
 *         ::TRACTOR_EINVAL: bytes that are not one value, or more than the peer's frame limit. ::TRACTOR_ENOMEM
 * @loopthread
 */
TRACTOR_API int tractor_stream_send(tractor_stream *stream, tractor_bytes item);

/**
 * @brief tractor_stream_send() of tractor_pack().
 * @param stream  where
 * @param fmt     as tractor_pack(); NULL: nil
 * @return as tractor_stream_send()
 * @loopthread
 */
TRACTOR_API int tractor_stream_sendf(tractor_stream *stream, const char *fmt, ...);

/**
 * @brief Sends a value as soon as that can be done.
 * @param stream  where
 * @param in      the nursery that waits; NULL: the ctx's
 * @param item    one value; copied before the call returns, unless it can be written at once
 * @param fn      completion; may be NULL
 * @param user    for `fn`
 * @return a token, or a negative status
 *
 * Values leave in the order of these calls. A send that is cancelled before it was taken sends nothing.
 * @completes{NULL: taken. ::TRACTOR_EEOF: the peer's task is over. ::TRACTOR_ECLOSED, ::TRACTOR_ECANCELED,
 * ::TRACTOR_ERUNTIME, ::TRACTOR_ETRANSPORT, ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_stream_send_wait(tractor_stream *stream, tractor_nursery *in, tractor_bytes item,
                                                tractor_done_fn fn, void *user);

/**
 * @brief The same with a value that was received or made: passed on without being decoded, and a large one without a copy.
 * @param stream  where
 * @param in      the nursery that waits; NULL: the ctx's
 * @param item    the value; kept for as long as it waits
 * @param fn      completion; may be NULL
 * @param user    for `fn`
 * @return a token, or a negative status
 * @completes{as tractor_stream_send_wait()}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_stream_send_value(tractor_stream *stream, tractor_nursery *in, const tractor_value *item,
                                                 tractor_done_fn fn, void *user);

/**
 * @brief Takes the next value, if one is there.
 * @param stream  from where
 * @param out     the value, borrowed until the next call on this stream or until your callback returns; keep it for longer
 * @return ::TRACTOR_OK; ::TRACTOR_EAGAIN: none is there; ::TRACTOR_EEOF: none will come; ::TRACTOR_EBUSY: a receive is waiting;
 *         ::TRACTOR_EMSGTYPE: the value breaks the endpoint's schema, and the ctx fails with the error that says how;
 *         ::TRACTOR_ELAGGED: a subscriber missed values; ::TRACTOR_ECANCELED: the ctx is failing or cancelled;
 *         ::TRACTOR_ECLOSED: closed by this side, or the ctx has ended
 * @loopthread
 */
TRACTOR_API int tractor_stream_try_receive(tractor_stream *stream, const tractor_value **out);

/**
 * @brief Waits for the next value.
 * @param stream  from where
 * @param in      the nursery that waits; NULL: the ctx's
 * @param fn      completion; the value is borrowed until it returns
 * @param user    for `fn`
 * @return a token, or a negative status; ::TRACTOR_EINVAL if `fn` is NULL
 *
 * If the ctx fails while the receive waits, the receive completes with the error of the ctx; if it is cancelled, with
 * ::TRACTOR_ECANCELED.
 * @completes{the value; ::TRACTOR_EEOF: the peer sends no more, and so completes every later one; ::TRACTOR_EBUSY: another receive is
 * waiting; ::TRACTOR_EMSGTYPE; ::TRACTOR_ELAGGED: a subscriber missed values, tractor_stream_lagged() says how many, the next receive
 * goes on with the oldest that is left; the error of the ctx; ::TRACTOR_ECANCELED; ::TRACTOR_ECLOSED}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_stream_receive(tractor_stream *stream, tractor_nursery *in, tractor_value_fn fn,
                                              void *user);

/**
 * @brief Says that this side sends no more, and goes on receiving. It is said behind all values that wait to be sent.
 * @param stream  which
 * @return ::TRACTOR_OK, ::TRACTOR_EALREADY, ::TRACTOR_ECLOSED; ::TRACTOR_ERUNTIME if the peer is a generator
 * @loopthread
 */
TRACTOR_API int tractor_stream_send_eof(tractor_stream *stream);

/**
 * @brief Ends this side's stream: no more is sent, and what comes is dropped. A waiting receive completes with ::TRACTOR_EEOF. A
 * subscriber ends alone, the stream and the other subscribers go on.
 * @param stream  NULL and closed ones are ignored
 * @loopthread
 */
TRACTOR_API void tractor_stream_close(tractor_stream *stream);

/** @brief The context that it belongs to. @param stream which @return borrowed; NULL for NULL @loopthread */
TRACTOR_API tractor_ctx *tractor_stream_ctx(tractor_stream *stream);

/** Flags of tractor_stream_subscribe(). */
enum tractor_subscribe_flag {
    TRACTOR_SUBSCRIBE_NO_LAG_ERROR = 1 /**< a subscriber that missed values logs a warning and goes on */
};

/**
 * @brief Broadcasts what is received to several consumers of this process.
 *
 * Each subscriber is a stream of its own to receive from, and gets every value from its subscription on; sending through it
 * sends on the stream. The first call makes a subscriber of the stream itself, for good. The fastest consumer
 * loses nothing. The values that others have not received yet stay, up to as many as the stream buffers (64, or
 * tractor_call_options::buffer); whoever falls behind further is told once, with ::TRACTOR_ELAGGED, and goes on with the
 * oldest value that is left. End of stream reaches all.
 * @param stream  the stream, or one of its subscribers
 * @param flags   ::tractor_subscribe_flag
 * @param out     the subscriber; lives as long as the ctx, or until you close it
 * @return ::TRACTOR_OK; ::TRACTOR_ECLOSED if the stream is closed or its ctx has ended; ::TRACTOR_EINVAL for unknown flags;
 *         ::TRACTOR_ENOMEM. Otherwise `*out` is a dead stream
 * @loopthread
 */
TRACTOR_API int tractor_stream_subscribe(tractor_stream *stream, uint32_t flags, tractor_stream **out);

/** @brief How many values a subscriber missed in all. @param stream a subscriber; 0 for others @loopthread */
TRACTOR_API uint64_t tractor_stream_lagged(tractor_stream *stream);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
