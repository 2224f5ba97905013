// Every way in which a call can fail, one class each. None of them holds a key.

/** The parent of every error of this package. */
export class MaxPayError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Refused here, before anything was sent. `field` is the one that is wrong. */
export class InvalidInputError extends MaxPayError {
  constructor(
    readonly field: string,
    expected: string,
  ) {
    super(`${field} ${expected}`);
  }
}

/** No answer of MaxPay's: the network, the time, or something else that answered there. What became of the call is unknown; call again. */
export class TransportError extends MaxPayError {
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;

  constructor(message: string, details: { status?: number; cause?: unknown } = {}) {
    super(message, "cause" in details ? { cause: details.cause } : {});
    this.status = details.status;
  }
}

/** What MaxPay answers to a call that fails. */
export interface Failure {
  code: number;
  msg: string;
  err: string;
}

/** MaxPay answered with a code other than 0. There is a class for each code. */
export class ApiError extends MaxPayError {
  readonly code: number;
  /** The name of the code, such as `PARAM_INVALID`. */
  readonly msg: string;
  /** What is wrong, with the field and what was expected. */
  readonly err: string;
  /** The HTTP status: 200, but for an outage. */
  readonly status: number;
  /** By which the operator finds the call in the logs, where the gateway gives one. */
  readonly requestId: string | undefined;

  constructor(failure: Failure, status: number, requestId?: string) {
    super(`${failure.code} ${failure.msg}: ${failure.err}`);
    this.code = failure.code;
    this.msg = failure.msg;
    this.err = failure.err;
    this.status = status;
    this.requestId = requestId;
  }
}

/** Code 1: there is no such app, or the credentials do not fit it. */
export class AppInvalidError extends ApiError {}
/** Code 2: the app has no settings for that channel. */
export class PayFactorNotSetError extends ApiError {}
/** Code 3: there is no such channel. */
export class ChannelInvalidError extends ApiError {}
/** Code 4: a required field is absent. */
export class MissParamError extends ApiError {}
/** Code 5: a field is wrong; or the bill is paid, or open with another fee or subject. */
export class ParamInvalidError extends ApiError {}
/** Code 6: a stored key or certificate cannot be used. */
export class CertFileError extends ApiError {}
/** Code 7: the provider refused or did not answer. The same charge can be made again. */
export class ChannelError extends ApiError {}
/** Code 14: a fault of the gateway's own, after the retries. */
export class RunTimeError extends ApiError {}

const CLASSES = new Map<number, typeof ApiError>([
  [1, AppInvalidError],
  [2, PayFactorNotSetError],
  [3, ChannelInvalidError],
  [4, MissParamError],
  [5, ParamInvalidError],
  [6, CertFileError],
  [7, ChannelError],
  [14, RunTimeError],
]);

/** The error of a code. A code that a newer gateway has is an `ApiError`. */
export function apiError(failure: Failure, status: number, requestId?: string): ApiError {
  const Class = CLASSES.get(failure.code) ?? ApiError;
  return new Class(failure, status, requestId);
}

export type WebhookErrorCode =
  | "bad-secret"
  | "missing-header"
  | "bad-timestamp"
  | "too-old"
  | "too-new"
  | "wrong-signature"
  | "bad-body"
  | "wrong-app"
  | "wrong-sign";

export type ResultErrorCode =
  | "bad-key"
  | "repeated-parameter"
  | "missing-parameter"
  | "wrong-signature"
  | "bad-result"
  | "wrong-app"
  | "too-old"
  | "too-new";

/** The result of a checkout that is not to be believed: ask for the bill in its place. `bad-key` is a fault of your own settings. */
export class ResultError extends MaxPayError {
  constructor(
    readonly code: ResultErrorCode,
    message: string,
  ) {
    super(`${code}: ${message}`);
  }
}

/** A webhook that is not to be believed. Answer it with a status other than 200. `bad-secret` is a fault of your own settings. */
export class WebhookError extends MaxPayError {
  constructor(
    readonly code: WebhookErrorCode,
    message: string,
  ) {
    super(`${code}: ${message}`);
  }
}
