{{/* Environment of both roles. */}}
{{- define "generation.environment" -}}
- {name: SCALEDIFF_PROFILE, value: production}
- {name: SCALEDIFF_LAKE_URL, value: {{ .Values.lakeUrl | quote }}}
- {name: SCALEDIFF_MODELS_URL, value: {{ .Values.modelsUrl | quote }}}
- {name: SCALEDIFF_GENERATION_CALLBACK_HOSTS, value: {{ .Values.callbackHosts | quote }}}
- {name: SCALEDIFF_GENERATION_IMAGE_BUCKETS, value: {{ .Values.imageBuckets | quote }}}
- {name: SCALEDIFF_TRUST_PROXY, value: {{ .Values.trustProxy | quote }}}
- name: SCALEDIFF_GENERATION_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: databaseUrl}}
- name: SCALEDIFF_GENERATION_QUEUE_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: queueUrl}}
- name: SCALEDIFF_GENERATION_SECRET
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: secret}}
{{- end }}
