import { type AttemptRequest, SCHEMA_VERSION } from '../domain/records.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { SafePrompt } from '../domain/prompt-safety.ts';
import type { ProviderEndpoint } from '../provider/image-api.ts';

/** `attempt-NN/request.json`: what is about to be sent, without the key. */
export function attemptRequest(
  task: AdmittedTask,
  attempt: number,
  endpoint: ProviderEndpoint,
  { prompt_sent, safety_rules }: SafePrompt,
): AttemptRequest {
  const { provider, model, mode, size, input_images, timeout_ms, generation_id, request_fingerprint } = task;
  return {
    schema_version: SCHEMA_VERSION,
    attempt,
    method: 'POST',
    endpoint_origin: new URL(endpoint.baseUrl).origin,
    path: mode === 'edit' ? '/images/edits' : '/images/generations',
    provider,
    model,
    mode,
    prompt_sent: mode === 'edit' ? formText(prompt_sent) : prompt_sent,
    safety_rules,
    size,
    options: { ...task.options },
    input_images,
    timeout_ms,
    generation_id,
    request_fingerprint,
    client_request_id: `${generation_id}-${attempt}`,
    created_at: new Date().toISOString(),
  };
}

/** A form field's line breaks become CRLF on the wire (WHATWG, multipart/form-data): the record says what was sent. */
function formText(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/gu, '\r\n');
}
