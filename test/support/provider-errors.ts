/** Errors in the shape of the Images API (`reference/api.md` 1.5). */
export interface ApiError {
  status: number;
  type: string;
  code: string | null;
  param: string | null;
  message: string;
}

export function errorBody({ message, type, param, code }: Omit<ApiError, 'status'>): string {
  return JSON.stringify({ error: { message, type, param, code } });
}

export function invalidRequest(code: string, param: string | null, message: string): ApiError {
  return { status: 400, type: 'invalid_request_error', code, param, message };
}

export const NO_SUCH_PATH: ApiError = {
  ...invalidRequest('unknown_url', null, 'Unknown request URL.'),
  status: 404,
};

export const WRONG_KEY: ApiError = {
  ...invalidRequest('invalid_api_key', null, 'Incorrect API key provided.'),
  status: 401,
};
