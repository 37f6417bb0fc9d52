/* libxmlsec1 as a peer of the benchmark `saml`: parses a response, names its identifiers and verifies the assertion's signature
 * with a key that was loaded before. Given the certificate and the response as files, it answers each line with a number of
 * verifications by the nanoseconds that they took. Built by the benchmark itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

static int verify(const char *text, int length, xmlSecKeyPtr key) {
  static const xmlChar *ids[] = {BAD_CAST "ID", NULL};
  int good = 0;
  xmlDocPtr doc = xmlReadMemory(text, length, NULL, NULL, XML_PARSE_NONET);
  if (doc == NULL) return 0;
  xmlSecAddIDs(doc, xmlDocGetRootElement(doc), ids);
  xmlNodePtr signature = xmlSecFindNode(xmlDocGetRootElement(doc), xmlSecNodeSignature, xmlSecDSigNs);
  xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);
  if (signature != NULL && context != NULL) {
    context->signKey = xmlSecKeyDuplicate(key);
    good = xmlSecDSigCtxVerify(context, signature) >= 0 && context->status == xmlSecDSigStatusSucceeded;
  }
  if (context != NULL) xmlSecDSigCtxDestroy(context);
  xmlFreeDoc(doc);
  return good;
}

static char *whole(const char *path, long *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  fseek(file, 0, SEEK_END);
  *length = ftell(file);
  rewind(file);
  char *text = malloc((size_t)*length + 1);
  if (text == NULL || fread(text, 1, (size_t)*length, file) != (size_t)*length) return NULL;
  fclose(file);
  return text;
}

int main(int count, char **arguments) {
  long length = 0;
  unsigned long batch;
  if (count != 3) return 2;
  xmlInitParser();
  if (xmlSecInit() < 0 || xmlSecCryptoAppInit(NULL) < 0 || xmlSecCryptoInit() < 0) return 3;
  xmlSecKeyPtr key = xmlSecCryptoAppKeyLoad(arguments[1], xmlSecKeyDataFormatCertPem, NULL, NULL, NULL);
  char *text = whole(arguments[2], &length);
  if (key == NULL || text == NULL) return 4;
  if (!verify(text, (int)length, key)) return 5;
  char *bent = malloc((size_t)length);
  memcpy(bent, text, (size_t)length);
  char *name = strstr(text, "ada@example.com");
  if (name == NULL) return 6;
  bent[name - text] = 'e';
  if (verify(bent, (int)length, key)) return 7;
  printf("ready\n");
  fflush(stdout);
  while (scanf("%lu", &batch) == 1) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned long i = 0; i < batch; i++) {
      if (!verify(text, (int)length, key)) return 8;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%lld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL + (end.tv_nsec - begin.tv_nsec));
    fflush(stdout);
  }
  return 0;
}
