{{/* Fails if a value is a secret in clear text, because others can read a pod's environment. No message quotes the value. */}}
{{- define "fetch-etl.checkEnv" -}}
{{- $isReference := "^(arn:aws[a-z-]*:(secretsmanager|ssm):.+|kms:[^,]+(,kms:[^,]+)*)$" -}}
{{- range $name, $value := .Values.env -}}
{{- if and (has $name (list "FETCH_ETL_MASKING_KEY" "PGPASSWORD")) (not (regexMatch $isReference $value)) -}}
{{- fail (printf "env.%s must be a reference, such as the ARN of a secret in Secrets Manager." $name) -}}
{{- end -}}
{{- if and (eq $name "DATABASE_URL") (not (regexMatch $isReference $value)) (regexMatch "://[^/?]*:.*@|[?&]password=" $value) -}}
{{- fail "env.DATABASE_URL contains a password. Set a reference, such as the ARN of a secret in Secrets Manager, or use secretName." -}}
{{- end -}}
{{- if has $name (list "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN") -}}
{{- fail (printf "env.%s is a secret. Give the drains an IAM role instead: set roleArn, or use EKS Pod Identity." $name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The job that the CronJob and the ScaledJob start. deploy/kubernetes contains the same with comments. A test compares the two. */}}
{{- define "fetch-etl.job" -}}
{{- include "fetch-etl.checkEnv" . -}}
{{- $env := .Values.env -}}
{{- $keyInSecret := true -}}
{{- $urlInSecret := true -}}
{{- range $name, $_ := $env -}}
{{- if hasPrefix "FETCH_ETL_MASKING_KEY" $name }}{{ $keyInSecret = false }}{{ end -}}
{{- if or (hasPrefix "DATABASE_URL" $name) (has $name (list "PGHOST" "PGHOSTADDR" "PGSERVICE")) }}{{ $urlInSecret = false }}{{ end -}}
{{- end -}}
{{- if and (or $keyInSecret $urlInSecret) (not .Values.secretName) -}}
{{- fail "Set secretName, or set FETCH_ETL_MASKING_KEY and DATABASE_URL in env." -}}
{{- end -}}
backoffLimit: 2
{{- /* Three attempts, each with 45 s to exit, and the pauses of 10 and 20 s between them. */}}
activeDeadlineSeconds: {{ add (mul 3 (add .Values.maxSeconds 45)) 30 }}
podFailurePolicy:
  rules:
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
    - action: FailJob
      onExitCodes:
        containerName: drain
        operator: In
        values: [2, 3]
      {{- if .Values.keda.enabled }}
      {{- /* KEDA's older job definitions require this list in every rule. */}}
      onPodConditions: []
      {{- end }}
template:
  metadata:
    labels:
      {{- include "fetch-etl.podLabels" . | nindent 6 }}
  spec:
    serviceAccountName: {{ include "fetch-etl.name" . }}
    automountServiceAccountToken: false
    restartPolicy: Never
    terminationGracePeriodSeconds: 45
    securityContext:
      runAsNonRoot: true
      runAsUser: 1000
      runAsGroup: 1000
      fsGroup: 1000
      seccompProfile:
        type: RuntimeDefault
    {{- with .Values.pod }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    containers:
      - name: drain
        image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) | quote }}
        args:
          {{- concat (list "drain" "--max-seconds" (.Values.maxSeconds | int64 | toString)) .Values.args | toYaml | nindent 10 }}
        env:
          - name: FETCH_ETL_QUEUE
            value: {{ .Values.queue | quote }}
          - name: AWS_REGION
            value: {{ .Values.region | quote }}
          {{- if $keyInSecret }}
          - name: FETCH_ETL_MASKING_KEY_FILE
            value: /run/secrets/fetch-etl/masking-key
          {{- end }}
          {{- if .Values.mapping }}
          - name: FETCH_ETL_MAPPING
            value: /etc/fetch-etl/mapping.yaml
          {{- end }}
          {{- if $urlInSecret }}
          - name: DATABASE_URL
            valueFrom:
              secretKeyRef:
                name: {{ .Values.secretName }}
                key: database-url
          {{- end }}
          {{- range $name, $value := $env }}
          - name: {{ $name }}
            value: {{ $value | quote }}
          {{- end }}
        resources:
          {{- toYaml .Values.resources | nindent 10 }}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: ["ALL"]
        {{- if or $keyInSecret .Values.mapping }}
        volumeMounts:
          {{- if .Values.mapping }}
          - name: mapping
            mountPath: /etc/fetch-etl
            readOnly: true
          {{- end }}
          {{- if $keyInSecret }}
          - name: masking-key
            mountPath: /run/secrets/fetch-etl
            readOnly: true
          {{- end }}
        {{- end }}
    {{- if or $keyInSecret .Values.mapping }}
    volumes:
      {{- if .Values.mapping }}
      - name: mapping
        configMap:
          name: {{ include "fetch-etl.name" . }}
      {{- end }}
      {{- if $keyInSecret }}
      - name: masking-key
        secret:
          secretName: {{ .Values.secretName }}
          defaultMode: 256
          items:
            - key: masking-key
              path: masking-key
      {{- end }}
    {{- end }}
{{- end }}
