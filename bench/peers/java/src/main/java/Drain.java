import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.stream.IntStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;

/**
 * Drains an SQS queue of logins into Postgres: an afternoon's program with the AWS SDK 2 and JDBC.
 *
 * <p>Workers receive ten messages, put them into a queue for the loader, and wait until they are committed. Other threads delete them.
 * The loader writes what all workers have received meanwhile in one statement.
 */
public final class Drain {
  private static final int WORKERS = 32;
  private static final int PER_REQUEST = 10;

  private static final String CREATE_LEDGER =
      "create table if not exists ledger (message_id text primary key)";
  private static final String INSERT =
      """
      insert into user_logins
      select m.user_id, m.device_type, m.masked_ip, m.masked_device_id, m.locale, m.app_version, m.create_date
      from unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::int[], ?::date[])
        as m (message_id, user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)
      """;
  private static final String INSERT_NEW =
      """
      with input as (
        select * from unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::int[], ?::date[])
          as m (message_id, user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)
      ), new as (
        insert into ledger select message_id from input on conflict do nothing returning message_id
      )
      insert into user_logins
      select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date
      from input join new using (message_id)
      """;

  @JsonIgnoreProperties(ignoreUnknown = true)
  private record Login(
      @JsonProperty("user_id") String userId,
      @JsonProperty("device_type") String deviceType,
      String ip,
      @JsonProperty("device_id") String deviceId,
      String locale,
      @JsonProperty("app_version") String appVersion) {}

  private record Row(
      String messageId, Login login, String maskedIp, String maskedDeviceId, int appVersion, Date createDate) {}

  /** What a worker has received. The loader completes it when the messages are committed. */
  private record Batch(List<Message> messages, CompletableFuture<Void> committed) {}

  /** Not for several threads. */
  private static final class Masker {
    private final Mac mac = Mac.getInstance("HmacSHA256");
    private final Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
    private final String prefix;

    Masker(byte[] key) throws GeneralSecurityException {
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      byte[] id = MessageDigest.getInstance("SHA-256").digest(key);
      prefix = "h1." + base64.encodeToString(id).substring(0, 8) + ".";
    }

    String mask(String field, String value) {
      return prefix + base64.encodeToString(mac.doFinal((field + "\0" + value).getBytes(StandardCharsets.UTF_8)));
    }
  }

  private final SqsClient sqs;
  private final ExecutorService deleters;
  private final String queueUrl;
  private final BlockingQueue<Batch> received = new LinkedBlockingQueue<>();
  private final ObjectMapper json = new ObjectMapper();
  private final Masker masker;
  private final Connection db;
  private final PreparedStatement statement;

  private Drain(
      SqsClient sqs, ExecutorService deleters, String queueUrl, Masker masker, Connection db, boolean ledger)
      throws SQLException {
    this.sqs = sqs;
    this.deleters = deleters;
    this.queueUrl = queueUrl;
    this.masker = masker;
    this.db = db;
    if (ledger) {
      try (var create = db.createStatement()) {
        create.execute(CREATE_LEDGER);
      }
    }
    statement = db.prepareStatement(ledger ? INSERT_NEW : INSERT);
  }

  /** An integer that sorts as versions do: 2.3.1 is 2,003,001. */
  private static int version(String text) {
    String[] parts = text.split("\\.");
    return IntStream.range(0, 3)
        .map(i -> i < parts.length ? Integer.parseInt(parts[i]) : 0)
        .reduce(0, (sum, part) -> sum * 1000 + part);
  }

  private Row row(Message message) throws JsonProcessingException {
    Login login = json.readValue(message.body(), Login.class);
    long sent = Long.parseLong(message.attributes().get(MessageSystemAttributeName.SENT_TIMESTAMP));
    return new Row(
        message.messageId(),
        login,
        masker.mask("ip", login.ip()),
        masker.mask("device_id", login.deviceId()),
        version(login.appVersion()),
        Date.valueOf(Instant.ofEpochMilli(sent).atZone(ZoneOffset.UTC).toLocalDate()));
  }

  private void load(List<Batch> batches) throws SQLException, JsonProcessingException {
    Map<String, Row> byId = new LinkedHashMap<>();
    for (Batch batch : batches) {
      for (Message message : batch.messages()) {
        byId.put(message.messageId(), row(message));
      }
    }
    List<Row> rows = List.copyOf(byId.values());
    set(1, "text", rows, Row::messageId);
    set(2, "text", rows, row -> row.login().userId());
    set(3, "text", rows, row -> row.login().deviceType());
    set(4, "text", rows, Row::maskedIp);
    set(5, "text", rows, Row::maskedDeviceId);
    set(6, "text", rows, row -> row.login().locale());
    set(7, "int4", rows, Row::appVersion);
    set(8, "date", rows, Row::createDate);
    statement.executeUpdate();
  }

  private void set(int parameter, String type, List<Row> rows, Function<Row, Object> value) throws SQLException {
    statement.setArray(parameter, db.createArrayOf(type, rows.stream().map(value).toArray()));
  }

  private void loadAll() {
    try {
      while (true) {
        List<Batch> batches = new ArrayList<>();
        batches.add(received.take());
        received.drainTo(batches, WORKERS);
        try {
          load(batches);
          batches.forEach(batch -> batch.committed().complete(null));
        } catch (SQLException | JsonProcessingException | RuntimeException error) {
          batches.forEach(batch -> batch.committed().completeExceptionally(error));
        }
      }
    } catch (InterruptedException end) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends when the queue is empty. */
  private void work() {
    CompletableFuture<Void> deleted = CompletableFuture.completedFuture(null);
    while (true) {
      List<Message> messages =
          sqs.receiveMessage(
                  request ->
                      request
                          .queueUrl(queueUrl)
                          .maxNumberOfMessages(PER_REQUEST)
                          .waitTimeSeconds(1)
                          .messageSystemAttributeNames(MessageSystemAttributeName.SENT_TIMESTAMP))
              .messages();
      if (messages.isEmpty()) {
        break;
      }
      Batch batch = new Batch(messages, new CompletableFuture<>());
      received.add(batch);
      batch.committed().join();
      deleted.join();
      deleted = CompletableFuture.runAsync(() -> delete(messages), deleters);
    }
    deleted.join();
  }

  private void delete(List<Message> messages) {
    var entries =
        IntStream.range(0, messages.size())
            .mapToObj(
                i ->
                    DeleteMessageBatchRequestEntry.builder()
                        .id(Integer.toString(i))
                        .receiptHandle(messages.get(i).receiptHandle())
                        .build())
            .toList();
    var deleted = sqs.deleteMessageBatch(request -> request.queueUrl(queueUrl).entries(entries));
    if (deleted.hasFailed() && !deleted.failed().isEmpty()) {
      throw new IllegalStateException("delete: " + deleted.failed().get(0).code());
    }
  }

  private static Connection connect(String url) throws SQLException {
    URI uri = URI.create(url);
    String[] user = uri.getUserInfo().split(":", 2);
    return DriverManager.getConnection(
        "jdbc:postgresql://" + uri.getHost() + ":" + uri.getPort() + uri.getPath(), user[0], user[1]);
  }

  public static void main(String[] args) throws Exception {
    Masker masker = new Masker(Base64.getDecoder().decode(System.getenv("MASKING_KEY")));
    boolean ledger = !List.of(args).contains("--no-ledger");
    ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
    ExecutorService deleters = Executors.newFixedThreadPool(WORKERS);
    Thread loader = null;
    try (SqsClient sqs =
            SqsClient.builder().httpClientBuilder(Apache5HttpClient.builder().maxConnections(2 * WORKERS)).build();
        Connection db = connect(System.getenv("DATABASE_URL"))) {
      Drain drain = new Drain(sqs, deleters, System.getenv("QUEUE_URL"), masker, db, ledger);
      loader = new Thread(drain::loadAll, "loader");
      loader.start();
      for (Future<?> each : workers.invokeAll(Collections.nCopies(WORKERS, Executors.callable(drain::work)))) {
        each.get();
      }
    } finally {
      workers.shutdownNow();
      deleters.shutdownNow();
      if (loader != null) {
        loader.interrupt();
      }
    }
  }
}
