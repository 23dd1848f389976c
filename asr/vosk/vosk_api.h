/*
 * The C interface of libvosk 0.3.45, as far as Tingxin and the Go module
 * github.com/alphacep/vosk-api/go v0.3.50 call it.
 *
 * Written for this project from the symbols that the library exports; the
 * module is published without its header. scripts/setup copies this file
 * beside libvosk.so, where the module's cgo lines look for it.
 *
 * Rules that hold for every call:
 *   - A function that makes something returns NULL when it fails and says why
 *     on stderr only.
 *   - Returned text is JSON in UTF-8, owned by the recognizer and valid until
 *     the next call on it.
 *   - A model may be shared by threads, a recognizer belongs to one at a time.
 *   - An internal error ends the whole process: keep the library in a worker.
 */
#ifndef TINGXIN_VOSK_API_H
#define TINGXIN_VOSK_API_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct VoskModel VoskModel;
typedef struct VoskSpkModel VoskSpkModel;
typedef struct VoskRecognizer VoskRecognizer;

/* Models: a folder with am, conf, graph and ivector. Counted by reference:
 * a recognizer holds its model until it is freed itself. */
VoskModel *vosk_model_new(const char *model_path);
void vosk_model_free(VoskModel *model);

/* Number of the word in the model's symbol table, or -1. */
int vosk_model_find_word(VoskModel *model, const char *word);

/* Speaker models, for voice prints beside the words. */
VoskSpkModel *vosk_spk_model_new(const char *model_path);
void vosk_spk_model_free(VoskSpkModel *model);

/* Recognizers. sample_rate is in Hz and has to be the model's (16000).
 * grammar is a JSON array of phrases; it needs a model with run-time graphs. */
VoskRecognizer *vosk_recognizer_new(VoskModel *model, float sample_rate);
VoskRecognizer *vosk_recognizer_new_spk(VoskModel *model, float sample_rate, VoskSpkModel *spk_model);
VoskRecognizer *vosk_recognizer_new_grm(VoskModel *model, float sample_rate, const char *grammar);
void vosk_recognizer_free(VoskRecognizer *recognizer);

void vosk_recognizer_set_spk_model(VoskRecognizer *recognizer, VoskSpkModel *spk_model);
void vosk_recognizer_set_grm(VoskRecognizer *recognizer, const char *grammar);
void vosk_recognizer_set_max_alternatives(VoskRecognizer *recognizer, int max_alternatives);
void vosk_recognizer_set_words(VoskRecognizer *recognizer, int words);
void vosk_recognizer_set_partial_words(VoskRecognizer *recognizer, int partial_words);
void vosk_recognizer_set_nlsml(VoskRecognizer *recognizer, int nlsml);

/* Audio in: 16-bit little-endian mono. length counts bytes in the first form,
 * samples in the others. Returns 1 when an utterance has ended, 0 when it goes
 * on, -1 on an exception inside the library. */
int vosk_recognizer_accept_waveform(VoskRecognizer *recognizer, const char *data, int length);
int vosk_recognizer_accept_waveform_s(VoskRecognizer *recognizer, const short *data, int length);
int vosk_recognizer_accept_waveform_f(VoskRecognizer *recognizer, const float *data, int length);

/* Words out: after accept_waveform gave 1; while it gives 0; and, without
 * waiting for silence, at the end of the audio. */
const char *vosk_recognizer_result(VoskRecognizer *recognizer);
const char *vosk_recognizer_partial_result(VoskRecognizer *recognizer);
const char *vosk_recognizer_final_result(VoskRecognizer *recognizer);
void vosk_recognizer_reset(VoskRecognizer *recognizer);

/* 0 is the default, below 0 only errors, above 0 more detail. Process-wide. */
void vosk_set_log_level(int log_level);

/* Only in builds with CUDA; without it they do nothing. */
void vosk_gpu_init(void);
void vosk_gpu_thread_init(void);

#ifdef __cplusplus
}
#endif

#endif
