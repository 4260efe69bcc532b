/** Content-Type by a file's extension. Browsers are told not to guess otherwise (X-Content-Type-Options). */

const TYPES: Readonly<Record<string, string>> = {
  aac: "audio/aac",
  aif: "audio/aiff",
  aiff: "audio/aiff",
  avif: "image/avif",
  bmp: "image/bmp",
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  cue: "text/plain; charset=utf-8",
  flac: "audio/flac",
  gif: "image/gif",
  gz: "application/gzip",
  htm: "text/html; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  m3u: "audio/mpegurl",
  m3u8: "application/vnd.apple.mpegurl",
  m4a: "audio/mp4",
  md: "text/markdown; charset=utf-8",
  mid: "audio/midi",
  midi: "audio/midi",
  mjs: "text/javascript; charset=utf-8",
  mka: "audio/x-matroska",
  mkv: "video/x-matroska",
  mov: "video/quicktime",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  oga: "audio/ogg",
  ogg: "audio/ogg",
  ogv: "video/ogg",
  opus: "audio/ogg",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  tar: "application/x-tar",
  tif: "image/tiff",
  tiff: "image/tiff",
  txt: "text/plain; charset=utf-8",
  wav: "audio/wav",
  weba: "audio/webm",
  webm: "video/webm",
  webp: "image/webp",
  wma: "audio/x-ms-wma",
  xml: "application/xml",
  zip: "application/zip",
};

export const DEFAULT_CONTENT_TYPE = "application/octet-stream";

export function contentTypeOf(path: string): string {
  const extension = /[^/]\.([^./]+)$/.exec(path)?.[1]?.toLowerCase();
  if (extension === undefined || !Object.hasOwn(TYPES, extension)) return DEFAULT_CONTENT_TYPE;
  return TYPES[extension] ?? DEFAULT_CONTENT_TYPE;
}

/** Types in which a browser would run scripts, with the rights of the page that fsdfs's own dashboard is. */
export function isActiveContent(contentType: string): boolean {
  return /^(?:text\/html|image\/svg\+xml|application\/xml)/.test(contentType);
}
